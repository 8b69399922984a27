import { runProgram, type Command } from '../program.ts';
import { activatePlatformCommand, removePlatformCommand } from './platform-activate.ts';
import { availCommand, installPlatformCommand } from './platform-install.ts';
import { addKeyCommand, listKeysCommand, removeKeyCommand } from './platform-keys.ts';
import { listPlatformsCommand, statusCommand } from './platform-list.ts';
import { bootableCommand, judgeCommand, goingDownCommand } from './platform-boot.ts';

/** It has commands of its own. */
export const keyCommand: Command = {
  name: 'key',
  summary: 'Keys that sign platform images which this node takes: list, add, remove',
  operands: '<command>',
  options: {},
  run: () => runKeys([]),
};

export const PLATFORM_COMMANDS: readonly Command[] = [
  availCommand,
  installPlatformCommand,
  listPlatformsCommand,
  statusCommand,
  activatePlatformCommand,
  removePlatformCommand,
  bootableCommand,
  keyCommand,
  judgeCommand,
  goingDownCommand,
];

export function runKeys(args: readonly string[]): Promise<number> {
  return runProgram({ name: 'zonewright platform key', summary: 'keys that sign platform images which this node takes', commands: [listKeysCommand, addKeyCommand, removeKeyCommand] }, args);
}
