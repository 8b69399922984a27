/** Commands that the agent of this node performs when one runs: all that reads or changes the node, and asks nobody. */
import { performByAgent } from '../../agent/client/remote-images.ts';
import { reachAgent } from '../../agent/client/local-agent.ts';
import type { Node } from '../../host/config/node-config.ts';
import type { Answer, Request } from './command.ts';
import { findCommand } from './commands.ts';
import type { Asked } from './perform.ts';

/** What the node's agent answers to a command; undefined when none runs, or the command is for this process alone. */
export async function answeredByAgent(node: Node, asked: Asked, surroundings: Pick<Request, 'requestId' | 'signal' | 'say' | 'warn' | 'showProgress'>): Promise<Answer | undefined> {
  if (!isForAgent(asked)) return undefined;
  const transport = await reachAgent(node);
  return transport && performByAgent(transport, asked, surroundings);
}

const COMMANDS = ['list', 'show', 'get', 'ancestry', 'install', 'delete', 'import', 'update', 'sources', 'avail', 'vacuum'];

function isForAgent({ command, options }: Asked): boolean {
  if (!COMMANDS.includes(command)) return false;
  // An editor and a question need this terminal; descriptors of this process are nothing to another.
  if (command === 'sources' && options['edit'] !== undefined) return false;
  if (command === 'vacuum' && !options['force'] && !options['dry-run']) return false;
  return !fileOptions(command).some((name) => /^\/(dev|proc)\//.test(String(options[name] ?? '')));
}

/** Options that name a file. */
export function fileOptions(command: string): string[] {
  return (findCommand(command)?.options ?? []).filter(({ value }) => value === 'FILE').map(({ name }) => name);
}
