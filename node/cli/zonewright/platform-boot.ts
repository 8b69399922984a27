import { nodeErrors } from '../../errors.ts';
import { platformErrors } from '../../platform/errors.ts';
import { openPlatformHost } from '../../platform/platform-host.ts';
import type { Command } from '../program.ts';
import { untilInterrupted } from './until-interrupted.ts';

export const bootableCommand: Command = {
  name: 'bootable',
  summary: 'Say whether this node boots from the disks of its pool; write GRUB and the menu anew',
  operands: '[pool]',
  operandCount: [0, 1],
  options: {
    enable: { type: 'boolean', short: 'e', summary: 'as -r: disks get boot partitions when their pool is made' },
    refresh: { type: 'boolean', short: 'r', summary: 'write GRUB, images and menu onto every boot partition anew' },
    disable: { type: 'boolean', short: 'd', summary: 'not possible: change the boot order in the firmware instead' },
  },
  async run({ values, operands: [pool] }) {
    const host = await openPlatformHost();
    if (pool !== undefined && pool !== host.node.pool) throw platformErrors.OtherPool({ pool: host.node.pool, other: JSON.stringify(pool) });
    if (values['disable']) throw nodeErrors.UsageError({ reason: 'bootable: -d is not possible' }, { hint: 'Change the boot order in the firmware, or let the head node boot it by the network.' });
    if (values['enable'] || values['refresh']) {
      const { refreshBootable } = await import('../../platform/bootable.ts');
      await untilInterrupted((signal) => refreshBootable(host, { signal, say: (line) => process.stderr.write(`${line}\n`) }));
    }
    const { platformStatus } = await import('../../platform/list.ts');
    const { partitions } = await platformStatus(host);
    process.stdout.write(`${host.node.pool.padEnd(30)} ==> ${partitions.some(({ saved }) => saved !== undefined) ? 'BIOS and UEFI bootable' : partitions.length > 0 ? 'has boot partitions without a platform image' : 'not bootable'}\n`);
    return 0;
  },
};

export const goingDownCommand: Command = {
  name: 'going-down',
  summary: 'Note which instances run, for the trial of a next boot, and shut them down: what a unit does when this host goes down',
  options: {},
  async run() {
    const [{ loadNode }, { noteRunning }, { isGoingDown, shutDownInstances }] = await Promise.all([
      import('../../../host/config/node-config.ts'),
      import('../../platform/running-instances.ts'),
      import('../../boot/shut-down-instances.ts'),
    ]);
    const node = await loadNode();
    process.stdout.write(`${await noteRunning(node)} run\n`);
    if (!(await isGoingDown())) return 0;
    for (const { uuid, outcome } of await shutDownInstances(node)) process.stdout.write(`${uuid}  ${outcome}\n`);
    return 0;
  },
};

export const judgeCommand: Command = {
  name: 'judge',
  summary: 'Judge the trial of the platform image that runs: what a unit does after each boot',
  options: {},
  async run() {
    const { judgeTrial } = await import('../../platform/judge-trial.ts');
    await judgeTrial((line) => process.stdout.write(`${line}\n`));
    return 0;
  },
};
