/**
 * The node's daemon.
 *
 * One that stays (a unit) hosts the engine for the commands and for a head node. Where none does, commands do the work
 * themselves and start one that is only passing by: it serves guest metadata and keeps the end of machines' consoles, for
 * as long as anything runs. One runs per node, whoever started it: the lock on the run directory decides. Guests do not
 * depend on it for more than answers, so it may be killed at any moment.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loadNode, type Node } from '../host/config/node-config.ts';
import { isErrorCode, isSystemError, ZonewrightError } from '../host/errors/errors.ts';
import { takeLock, type Lock } from '../host/lock/lock.ts';
import { servicePid, stopService } from '../vmadm/metadata/ensure-service.ts';
import { cutBackConsoles } from './consoles/cut-back.ts';
import { call } from './client/call.ts';
import { reachAgent } from './client/local-agent.ts';
import { openControl, type Control } from './control.ts';
import { agentErrors } from './errors.ts';
import { newLog, type Log } from './log.ts';
import type { Serving } from './serve.ts';
import { openMetadataService, type MetadataService } from './metadata/service.ts';

const USAGE = `Usage: zonewright agent [--stay [--metrics-port <n>]] [--idle-seconds <n>]

Serve the instances of this node. With --stay it also does the work of vmadm, imgadm and nictagadm, and boots what shall
run with the node; --metrics-port answers /metrics and /healthz on that port of 127.0.0.1. Without --stay it ends when no
instance has run for a while (10 seconds).
`;

const IDLE_SECONDS = 10;
/** Another agent that is about to end holds the lock a little longer than its sockets. */
const HANDOVER_SECONDS = 2;
const TAKEOVER_SECONDS = 30;

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
  readonly metricsPort: number | undefined;
}

async function runAgent(node: Node, options: Options, log: Log): Promise<number> {
  // What one that passes by makes is for nobody but root, unless it says so; the engine says so itself, and is the same everywhere.
  process.umask(options.stay ? 0o022 : 0o077);
  const lock = options.stay ? await takePlace(node) : await lockUnlessServed(node);
  if (!lock) return 0;
  const ended = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => ended.abort());
  const service = openMetadataService(node, log);
  let control: Control | undefined;
  let serving: Serving | undefined;
  const looking = setInterval(() => void cutBackConsoles(join(node.runDirectory, 'machines')).catch((error: unknown) => log.failure('-', 'cut consoles back', error)), CONSOLE_MILLISECONDS);
  try {
    await service.rescan();
    control = await openControl(node, {
      serve: (uuid) => service.serve(uuid),
      stop: () => ended.abort(),
    });
    if (options.stay) serving = await (await import('./serve.ts')).serve(node, log, options);
    log.info('serving');
    const nothingToDo = options.stay ? new Promise<never>(() => undefined) : idleFor(service, options.idleSeconds * 1000);
    await Promise.race([nothingToDo, aborted(ended.signal)]);
  } finally {
    // No request is taken from here on, so none is lost between the last look and the end.
    clearInterval(looking);
    await serving?.close();
    control?.close();
    service.close();
    await lock.release();
  }
  log.info('ended');
  return 0;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
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

/**
 * Take the place of agents that were only passing by. More than one may be about to serve: who ends lets the next one in.
 * @throws AgentRuns when one stays here already, or none of them lets go
 */
async function takePlace(node: Node): Promise<Lock> {
  for (const deadline = Date.now() + TAKEOVER_SECONDS * 1000; ; ) {
    await requireNoAgent(node);
    await stopService(node);
    const lock = await lockUnlessServed(node);
    if (lock) return lock;
    if (Date.now() > deadline) throw agentErrors.AgentRuns({ pid: (await servicePid(node)) ?? 'unknown' });
  }
}

/** @throws AgentRuns */
async function requireNoAgent(node: Node): Promise<void> {
  const transport = await reachAgent(node);
  if (!transport) return;
  try {
    const { pid } = await call<{ pid: number }>(transport, { method: 'GET', path: '/healthz', patience: TAKEOVER_SECONDS });
    throw agentErrors.AgentRuns({ pid });
  } catch (error) {
    // It is about to end.
    if (!isErrorCode(error, 'AgentLost')) throw error;
  }
}

async function lockUnlessServed(node: Node): Promise<Lock | undefined> {
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
      options: { stay: { type: 'boolean' }, 'idle-seconds': { type: 'string' }, 'metrics-port': { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help) return USAGE;
    const idleSeconds = Number(values['idle-seconds'] ?? IDLE_SECONDS);
    if (!Number.isFinite(idleSeconds) || idleSeconds <= 0) return `zonewright agent: --idle-seconds takes a number above 0\n`;
    const metricsPort = values['metrics-port'] === undefined ? undefined : Number(values['metrics-port']);
    if (metricsPort !== undefined && !(Number.isInteger(metricsPort) && metricsPort > 0 && metricsPort < 65536 && values.stay)) return `zonewright agent: --metrics-port takes a port, with --stay\n`;
    return { stay: values.stay ?? false, idleSeconds, metricsPort };
  } catch (error) {
    if (isSystemError(error, 'ERR_PARSE_ARGS_UNKNOWN_OPTION', 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL', 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE')) {
      return `zonewright agent: ${error.message}\n`;
    }
    throw error;
  }
}
