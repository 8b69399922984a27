/** Install the clients of Triton's APIs that tests of the head node run, as their lock file names them. With nothing to do it takes a blink. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSystemError } from '../host/errors/errors.ts';
import { runInteractively } from '../host/run/interactive.ts';

const CLIENTS = join(import.meta.dirname, '../test/headnode/clients');
const ATTEMPTS = 3;

process.exitCode = (await isCurrent()) ? 0 : await install();

/** npm writes its own lock file last, so an installation that was interrupted does not count. */
async function isCurrent(): Promise<boolean> {
  try {
    const [installed, wanted] = await Promise.all([stat(join(CLIENTS, 'node_modules/.package-lock.json')), stat(join(CLIENTS, 'package-lock.json'))]);
    return installed.mtimeMs >= wanted.mtimeMs;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}

async function install(): Promise<number> {
  const environment = Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
  for (let attempt = 1; ; attempt++) {
    // The only script of theirs builds probes for DTrace, which they do without.
    const status = await runInteractively(['npm', 'ci', '--prefix', CLIENTS, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], environment);
    if (status === 0 || attempt === ATTEMPTS) return status;
    process.stdout.write(`that failed; again in ${attempt * 3} seconds\n`);
    await sleep(attempt * 3000);
  }
}
