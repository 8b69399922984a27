import { runProgram, type Command } from '../program.ts';

/** It has commands of its own, which `zonewright.ts` hands over unparsed. */
export const platformCommand: Command = {
  name: 'platform',
  summary: 'Platform images: install them, and boot into another one, on trial first; `zonewright platform help` says more',
  operands: '[command]',
  options: {},
  examples: [['zonewright platform list', 'what is installed, what runs, and what is booted next']],
  run: () => runPlatform([]),
};

/** Run `zonewright platform` with its arguments. @returns the exit status */
export async function runPlatform(args: readonly string[]): Promise<number> {
  const { PLATFORM_COMMANDS, keyCommand, runKeys } = await import('./platform-commands.ts');
  if (args[0] === keyCommand.name) return runKeys(args.slice(1));
  return runProgram({ name: 'zonewright platform', summary: 'what this node boots', commands: PLATFORM_COMMANDS }, args);
}
