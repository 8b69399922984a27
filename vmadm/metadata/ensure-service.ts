/**
 * The metadata service from outside. It is a process of the node's own, which no verb of vmadm can be: guests ask long
 * after the command that booted them has ended. Whoever boots a guest makes sure that it runs; nobody has to start it.
 */
import { open, truncate } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { namesIn } from '../../host/files/names-in.ts';
import { nodeConfigPath, type Node } from '../../host/config/node-config.ts';
import { isUuid } from '../../host/config/units.ts';
import { isSystemError } from '../../host/errors/errors.ts';
import { launch, type Launched } from '../../host/run/launch.ts';
import { ownProgram } from '../../host/run/own-program.ts';
import { vmErrors } from '../errors.ts';
import { controlSocket, machinesDirectory, serviceDirectory, serviceLog } from './service-paths.ts';

const START_SECONDS = 30;
const LOG_BYTES = 1024 * 1024;

/**
 * Have a guest served: its directory (`prepareZoneDirectory`) or its machine is there. Starts the service when it does
 * not run, and returns when the guest would be answered.
 * @throws MetadataServiceFailed
 */
export async function serveMetadata(node: Node, uuid: string): Promise<void> {
  const deadline = Date.now() + START_SECONDS * 1000;
  let started: Started | undefined;
  for (;;) {
    const answer = await askService(node, `serve ${uuid}`);
    if (answer?.startsWith('ok')) return;
    if (answer !== undefined) throw failure(node, answer);
    if (started?.exitCode) throw failure(node, `it ended with exit code ${started.exitCode}`);
    if (Date.now() > deadline) throw failure(node, `it did not answer within ${START_SECONDS} seconds`);
    // One that ended with 0 left the place to another, which may have ended since.
    if (!started || started.exitCode === 0) started = await startService(node);
    await sleep(5);
  }
}

/** Bring the service back when it has died while it had guests to serve. Costs next to nothing otherwise. */
export async function reviveService(node: Node): Promise<void> {
  const served = await Promise.all([serviceDirectory(node), machinesDirectory(node)].map(namesIn));
  if (!served.flat().some(isUuid)) return;
  if ((await askService(node, 'status')) === undefined) await startService(node);
}

/** The process that serves, undefined when none does. */
export async function servicePid(node: Node): Promise<number | undefined> {
  const answer = await askService(node, 'status');
  return answer === undefined ? undefined : Number(/^ok (\d+)$/.exec(answer)?.[1]);
}

/** End the service and wait until it is gone; nothing happens when none runs. Guests are then served no more. */
export async function stopService(node: Node): Promise<void> {
  await askService(node, 'stop');
}

interface Started {
  /** Undefined as long as it runs. */
  readonly exitCode: number | null | undefined;
}

async function startService(node: Node): Promise<Started> {
  const path = serviceLog(node);
  const log = await open(path, 'a', 0o600);
  try {
    if ((await log.stat()).size > LOG_BYTES) await truncate(path);
    const launched = await launch(ownProgram('zonewright-agent'), { log: log.fd, environment: { ZONEWRIGHT_NODE: nodeConfigPath() } });
    launched.letGo();
    return watched(launched);
  } finally {
    await log.close();
  }
}

function watched(launched: Launched): Started {
  const started: { exitCode: number | null | undefined } = { exitCode: undefined };
  void launched.ended.then((code) => (started.exitCode = code ?? 1));
  return started;
}

/** One request, one answer, until the service closes the connection; undefined when nobody is there to answer. */
function askService(node: Node, request: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: controlSocket(node) });
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    socket.on('error', (error) => {
      if (!isSystemError(error, 'ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE')) reject(error);
    });
    socket.on('close', () => resolve(answer === '' ? undefined : answer.trim()));
    // The end of the answer is the service's to say, and for `stop` it is the end of the service.
    socket.on('connect', () => socket.write(`${request}\n`));
  });
}


function failure(node: Node, reason: string): Error {
  return vmErrors.MetadataServiceFailed({ reason }, { hint: `Its last words are in ${serviceLog(node)}.` });
}
