import { nodeErrors } from '../../errors.ts';
import type { Command } from '../program.ts';

export const rescueCommand: Command = {
  name: 'rescue',
  summary: 'On a machine started with noimport: what is on the disks, and a pool to look into',
  operands: '[import [pool]]',
  operandCount: [0, 2],
  options: { readonly: { type: 'boolean', summary: 'import without writing anything' } },
  examples: [
    ['zonewright rescue', 'disks and pools; nothing is changed'],
    ['zonewright rescue import --readonly', 'the pool below /mnt, to copy something out of it'],
  ],
  async run({ values, operands: [verb, pool] }) {
    if (process.getuid?.() !== 0) throw nodeErrors.NotRoot({ command: 'zonewright rescue' });
    if (verb !== undefined && verb !== 'import') throw nodeErrors.UsageError({ reason: `rescue: unknown verb "${verb}"` });
    if (verb === undefined) await show();
    else await importPool(pool, values['readonly'] === true);
    return 0;
  },
};

async function show(): Promise<void> {
  const [{ listDisks }, { diskLine }, { poolsOnDisks }, { run }] = await Promise.all([import('../../disks/list.ts'), import('../../firstboot/summary.ts'), import('../../../host/zfs/pool.ts'), import('../../../host/run/run.ts')]);
  await run(['modprobe', '--quiet', 'zfs'], { acceptExitCodes: [0, 1] });
  for (const disk of await listDisks()) if (disk.transport !== 'loop') print(diskLine(disk));
  const pools = await poolsOnDisks();
  for (const { name, state, id } of pools) print(`pool ${name}  ${state}  ${id}`);
  if (pools.length === 0) print('no pool that is not imported');
}

async function importPool(name: string | undefined, readonly: boolean): Promise<void> {
  const { importForRescue } = await import('../../boot/rescue.ts');
  const { name: pool, node } = await importForRescue({ ...(name === undefined ? {} : { pool: name }), readonly });
  print(`${pool}${node === undefined ? ', which no node made,' : ` of node ${node}`} is below /mnt${readonly ? ', read-only' : ''}; \`zpool export ${pool}\` gives it back`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
