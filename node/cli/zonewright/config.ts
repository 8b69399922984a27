import { runProgram, type Command } from '../program.ts';

/** It has commands of its own, which `zonewright.ts` hands over unparsed. */
export const configCommand: Command = {
  name: 'config',
  summary: 'What of a RAM-booted node outlives a reboot, and what does not; `zonewright config help` says more',
  operands: '[command]',
  options: {},
  examples: [['zonewright config lost', 'files that a reboot would take']],
  run: () => runConfig([]),
};

/** Run `zonewright config` with its arguments. @returns the exit status */
export async function runConfig(args: readonly string[]): Promise<number> {
  const { CONFIG_COMMANDS } = await import('./config-commands.ts');
  return runProgram({ name: 'zonewright config', summary: 'what of a RAM-booted node outlives a reboot', commands: CONFIG_COMMANDS }, args);
}
