import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { makePrivateDirectory } from '../../host/files/atomic.ts';
import { runScript, type ScriptOutcome } from '../../host/run/script.ts';
import type { CommandResult } from '../wire/tasks.ts';
import type { Command } from './host.ts';

/** As much of standard output, and of standard error, as is kept. */
const MOST_BYTES = 5 * 1024 * 1024;

const REASONS: Readonly<Record<NonNullable<ScriptOutcome['ended']>, string>> = {
  timeout: 'the script did not end in its time and was killed',
  output: `the script wrote more than ${MOST_BYTES} bytes and was killed`,
  cancelled: 'the script was cancelled and killed',
  'not started': 'the script could not be started: is its interpreter there?',
};

/** Run a head node's script as root, in a directory of its own that goes with it (reference/control-plane §1.4, command_execute). */
export async function executeCommand(node: Pick<Node, 'runDirectory'>, { script, args, env, timeout }: Command, signal: AbortSignal): Promise<CommandResult> {
  const parent = commandsDirectory(node);
  await makePrivateDirectory(parent);
  const directory = join(parent, randomBytes(8).toString('hex'));
  await mkdir(directory, { mode: 0o700 });
  try {
    const path = join(directory, 'script');
    await writeFile(path, script, { mode: 0o700, flag: 'wx' });
    const { exitCode, signal: killedBy, stdout, stderr, ended } = await runScript([path, ...args], { cwd: directory, environment: env, timeout, maxBytes: MOST_BYTES, signal });
    return { err: errOf(exitCode, killedBy, ended), exitCode, signal: killedBy, stdout, stderr };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Take away what the scripts of an agent that died left. */
export async function sweepCommands(node: Pick<Node, 'runDirectory'>): Promise<void> {
  await rm(commandsDirectory(node), { recursive: true, force: true });
}

function commandsDirectory(node: Pick<Node, 'runDirectory'>): string {
  return join(node.runDirectory, 'commands');
}

function errOf(code: number | null, signal: string | null, ended: ScriptOutcome['ended']): unknown {
  if (code === 0 && ended === undefined) return null;
  return { message: ended === undefined ? 'the script failed' : REASONS[ended], ...(code !== null && { code }), ...(signal !== null && { signal }), killed: ended !== undefined && ended !== 'not started' };
}
