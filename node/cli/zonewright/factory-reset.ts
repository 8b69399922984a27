import { nodeErrors } from '../../errors.ts';
import type { Command } from '../program.ts';

export const factoryResetCommand: Command = {
  name: 'factory-reset',
  summary: 'Destroy this node’s pool at the next boot, and with it every instance: the machine is as new then',
  operands: '[pool]',
  operandCount: [0, 1],
  options: {
    'yes-destroy-all-data': { type: 'boolean', summary: 'do not ask' },
    cancel: { type: 'boolean', summary: 'leave the pool as it is after all' },
  },
  examples: [
    ['zonewright factory-reset', 'asks for the pool’s name; nothing changes before the next boot'],
    ['zonewright factory-reset --cancel', 'until then it can be taken back'],
  ],
  async run({ values, operands: [asked] }) {
    if (process.getuid?.() !== 0) throw nodeErrors.NotRoot({ command: 'zonewright factory-reset' });
    const [{ loadNode }, { markForFactoryReset, unmarkForFactoryReset }] = await Promise.all([import('../../../host/config/node-config.ts'), import('../../boot/factory-reset.ts')]);
    const node = await loadNode();
    if (asked !== undefined && asked !== node.pool) throw nodeErrors.NodeHasPool({ pool: node.pool, other: asked });
    if (values['cancel'] === true) {
      await unmarkForFactoryReset(node);
      process.stdout.write(`The pool ${node.pool} stays.\n`);
      return 0;
    }
    if (values['yes-destroy-all-data'] !== true) await requireTyped(node.pool);
    await markForFactoryReset(node);
    process.stdout.write(`The next boot destroys the pool ${node.pool}. Until then \`zonewright factory-reset --cancel\` takes it back.\n`);
    return 0;
  },
};

async function requireTyped(pool: string): Promise<void> {
  const { HungUp, openDialogue, WentBack } = await import('../../firstboot/dialogue.ts');
  const dialogue = openDialogue({ name: 'this terminal', input: process.stdin, output: process.stdout, interactive: process.stdin.isTTY });
  try {
    const typed = await dialogue.ask({ text: `Everything in the pool ${pool} will be destroyed. Type its name to go on`, read: (text) => text });
    if (typed === pool) return;
  } catch (error) {
    if (!(error instanceof HungUp || error instanceof WentBack)) throw error;
  } finally {
    dialogue.close();
  }
  throw nodeErrors.FactoryResetUnconfirmed({ pool });
}
