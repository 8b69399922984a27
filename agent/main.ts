/**
 * The node's daemon. Today it serves guest metadata and keeps the end of machines' consoles.
 *
 * One runs per node, whoever started it: the lock on the run directory decides. Guests do not depend on it for more than
 * answers, so it may be killed at any moment; the next command that changes something brings it back.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loadNode, type Node } from '../host/config/node-config.ts';
import { isErrorCode, isSystemError, ZonewrightError } from '../host/errors/errors.ts';
import { takeLock } from '../host/lock/lock.ts';
import { stopService } from '../vmadm/metadata/ensure-service.ts';
import { cutBackConsoles } from './consoles/cut-back.ts';
import { openControl } from './control.ts';
import { newLog, type Log } from './log.ts';
import { openMetadataService, type MetadataService } from './metadata/service.ts';

const USAGE = `Usage: zonewright agent [--stay] [--idle-seconds <n>]

Serve the instances of this node. Without --stay it ends when no instance has run for a while (10 seconds).
`;

const IDLE_SECONDS = 10;
/** Another agent that is about to end holds the lock a little longer than its sockets. */
const HANDOVER_SECONDS = 2;

/** Run the agent until it is told to end, or has nothing to do. @returns the exit status; 0 also when another one runs. */
export async function main(args: readonly string[]): Promise<number> {
  const options = parse(args);
  if (typeof options === 'string') {
    process.stderr.write(options);
    return options === USAGE ? 0 : 2;
  }
  const log = newLog(process.stderr);
  try {
    return await runAgent(await loadNode(), options, log);
  } catch (error) {
    if (!(error instanceof ZonewrightError)) throw error;
    process.stderr.write(`zonewright agent: ${error.message}\n`);
    return error.exitStatus;
  }
}

interface Options {
  readonly stay: boolean;
  readonly idleSeconds: number;
}

async function runAgent(node: Node, options: Options, log: Log): Promise<number> {
  // Nothing that it makes is for anyone but root, unless it says so.
  process.umask(0o077);
  // One that stays takes the place of one that was only passing by.
  if (options.stay) await stopService(node);
  const lock = await lockUnlessServed(node);
  if (!lock) return 0;
  const ended = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => ended.abort());
  const service = openMetadataService(node, log);
  await service.rescan();
  const control = await openControl(node, {
    serve: (uuid) => service.serve(uuid),
    stop: () => ended.abort(),
  });
  log.info('serving');
  const nothingToDo = options.stay ? new Promise<never>(() => undefined) : idleFor(service, options.idleSeconds * 1000);
  const looking = setInterval(() => void cutBackConsoles(join(node.runDirectory, 'machines')).catch((error: unknown) => log.failure('-', 'cut consoles back', error)), CONSOLE_MILLISECONDS);
  await Promise.race([nothingToDo, new Promise<void>((resolve) => ended.signal.addEventListener('abort', () => resolve(), { once: true }))]);
  // No request is taken from here on, so none is lost between the last look and the end.
  clearInterval(looking);
  control.close();
  service.close();
  await lock.release();
  log.info('ended');
  return 0;
}

const LOOK_MILLISECONDS = 250;
const CONSOLE_MILLISECONDS = 2000;

async function idleFor(service: MetadataService, milliseconds: number): Promise<void> {
  for (;;) {
    await sleep(LOOK_MILLISECONDS);
    if (service.idleMilliseconds() <= milliseconds) continue;
    await service.rescan();
    if (service.idleMilliseconds() > milliseconds) return;
  }
}

async function lockUnlessServed(node: Node) {
  try {
    return await takeLock({ scope: node.runDirectory, name: 'agent', action: 'agent', waitSeconds: HANDOVER_SECONDS });
  } catch (error) {
    if (isErrorCode(error, 'LockTimeout')) return undefined;
    throw error;
  }
}

function parse(args: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { stay: { type: 'boolean' }, 'idle-seconds': { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help) return USAGE;
    const idleSeconds = Number(values['idle-seconds'] ?? IDLE_SECONDS);
    if (!Number.isFinite(idleSeconds) || idleSeconds <= 0) return `zonewright agent: --idle-seconds takes a number above 0\n`;
    return { stay: values.stay ?? false, idleSeconds };
  } catch (error) {
    if (isSystemError(error, 'ERR_PARSE_ARGS_UNKNOWN_OPTION', 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL', 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE')) {
      return `zonewright agent: ${error.message}\n`;
    }
    throw error;
  }
}
