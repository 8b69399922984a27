import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { hostErrors } from '../errors/host-errors.ts';

/**
 * Hand this terminal to a program (a zone's shell or console) and wait for it to end.
 * @returns its exit status as a shell would show it: 128 + N when signal N ended it.
 */
export async function runInteractively(argv: readonly [string, ...string[]], environment: Readonly<Record<string, string>>): Promise<number> {
  const [program, ...args] = argv;
  const child = spawn(program, args, { stdio: 'inherit', env: environment });
  const ignoreInterrupt = (): void => undefined;
  process.on('SIGINT', ignoreInterrupt);
  try {
    const [exitCode, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return signal ? 128 + constants.signals[signal] : (exitCode ?? 1);
  } catch (error) {
    throw hostErrors.CommandMissing({ program }, { cause: error });
  } finally {
    process.off('SIGINT', ignoreInterrupt);
  }
}
