import type { PlatformRow } from '../platform/list.ts';
import { openPlatformHost } from '../platform/platform-host.ts';
import { platformErrors } from '../platform/errors.ts';
import { runProgram, type Command, type Program } from './program.ts';
import { activatePlatformCommand, removePlatformCommand } from './zonewright/platform-activate.ts';
import { bootableCommand } from './zonewright/platform-boot.ts';
import { availCommand, installPlatformCommand } from './zonewright/platform-install.ts';

/** SmartOS's columns (control-plane §6.6). */
const listCommand: Command = {
  name: 'list',
  summary: 'List platform images: the one that runs, and the one that is booted next',
  operands: '[pool]',
  operandCount: [0, 1],
  options: { 'no-header': { type: 'boolean', short: 'H', summary: 'without headings' } },
  async run({ values, operands: [pool] }) {
    const [host, { platformStatus }] = await Promise.all([openPlatformHost(), import('../platform/list.ts')]);
    if (pool !== undefined && pool !== host.node.pool) throw platformErrors.OtherPool({ pool: host.node.pool, other: JSON.stringify(pool) });
    const { rows } = await platformStatus(host);
    const cells = rows.map((row) => [row.stamp, row.installed ? `${host.node.pool}/boot` : '-', bootBits(row), yes(row.now), yes(row.next)]);
    process.stdout.write([...(values['no-header'] ? [] : [HEADINGS]), ...cells].map((line) => `${line.map((cell, index) => cell.padEnd(WIDTHS[index] ?? 0)).join(' ').trimEnd()}\n`).join(''));
    return 0;
  },
};

const updateCommand: Command = {
  ...installPlatformCommand,
  name: 'update',
  summary: 'Install the newest platform image of the head node',
  operands: '[pool]',
  operandCount: [0, 1],
  examples: [],
  run: ({ values, operands }) => installPlatformCommand.run({ values, operands: ['latest', ...operands] }),
};

export const PIADM: Program = {
  name: 'piadm',
  summary: 'platform images, as SmartOS has it; `zonewright platform` does more',
  commands: [
    availCommand,
    installPlatformCommand,
    listCommand,
    activatePlatformCommand,
    { ...activatePlatformCommand, name: 'assign', summary: 'The same as activate' },
    removePlatformCommand,
    { ...removePlatformCommand, name: 'destroy', summary: 'The same as remove' },
    bootableCommand,
    updateCommand,
  ],
};

/** Run `piadm` with its arguments. @returns the exit status: 1 failed, 2 wrong usage, 3 what is booted may be incomplete */
export function main(args: readonly string[]): Promise<number> {
  return runProgram(PIADM, args);
}

const HEADINGS = ['PI STAMP', 'BOOTABLE FILESYSTEM', 'BOOT IMAGE', 'NOW', 'NEXT'];
const WIDTHS = [18, 30, 12, 5, 5];

function bootBits({ disks, next }: PlatformRow): string {
  return disks === 0 ? 'none' : next ? 'next' : 'available';
}

function yes(truth: boolean): string {
  return truth ? 'yes' : 'no';
}
