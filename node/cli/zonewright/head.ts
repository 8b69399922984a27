import { runProgram, type Command } from '../program.ts';

/** It has commands of its own, which `zonewright.ts` hands over unparsed. */
export const headCommand: Command = {
  name: 'head',
  summary: 'The head node: run it, let nodes join; `zonewright head help` says more',
  operands: '[command]',
  options: {},
  examples: [['zonewright head --admin 10.77.0.1', 'a head node with an embedded database, which nodes can join']],
  run: () => runHead([]),
};

/** Run `zonewright head` with its arguments. Without a command it runs the head process. @returns the exit status */
export async function runHead(args: readonly string[]): Promise<number> {
  const { HEAD_COMMANDS } = await import('../../../headnode/cli/commands.ts');
  const [first] = args;
  const isRun = first === undefined || (first.startsWith('-') && !['-h', '--help', '-?', '--version'].includes(first));
  return await runProgram({ name: 'zonewright head', summary: 'orchestrate many nodes', commands: HEAD_COMMANDS }, isRun ? ['run', ...args] : args);
}
