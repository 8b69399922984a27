import type { Node } from '../../host/config/node-config.ts';
import type { Answer, GivenOptions, Request } from './command.ts';
import { findCommand } from './commands.ts';

/** A command as data: all that whoever performs it needs to know of the command line. Paths among its options are absolute. */
export interface Asked {
  readonly command: string;
  readonly options: GivenOptions;
  readonly args: readonly string[];
}

/** Perform a command on this node, in this process: the CLI's own when no agent runs, else the agent's. */
export async function performCommand(node: Node, { command, options, args }: Asked, surroundings: Pick<Request, 'requestId' | 'signal' | 'say' | 'warn' | 'showProgress'>): Promise<Answer> {
  const found = findCommand(command);
  if (!found) throw new Error(`there is no command ${command}`);
  const handler = await found.load();
  await recover(node, surroundings.warn);
  return handler({ node, options, args, ...surroundings });
}

/** Finish what a crash left. Nearly always there is nothing, and then nothing is loaded for it. */
async function recover(node: Node, warn: Request['warn']): Promise<void> {
  const { listJournals } = await import('../../host/journal/journal-file.ts');
  if ((await listJournals(node.paths.journal)).length === 0) return;
  const { recoverImages } = await import('../store/performer.ts');
  for (const { verb, target, outcome, error } of await recoverImages({ node })) {
    if (outcome === 'failed') warn(`warning: an interrupted ${verb} of ${target} cannot be finished: ${error instanceof Error ? error.message : String(error)}`);
  }
}
