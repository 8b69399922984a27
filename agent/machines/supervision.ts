/**
 * Supervision of machines over the QMP socket that each has for it. A machine that QEMU stopped because the pool had no room
 * for what it wrote goes on when there is room again; why it stands still is written down for `vmadm get`. All that is known
 * is asked of QEMU anew by whoever supervises next, so nothing is lost when the agent dies.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { dataset } from '../../host/config/units.ts';
import type { Node } from '../../host/config/node-config.ts';
import { isErrorCode, isSystemError } from '../../host/errors/errors.ts';
import { SOCKETS } from '../../host/qemu/machine.ts';
import { connectQmp, type Qmp } from '../../host/qemu/qmp.ts';
import { availableBytes } from '../../host/zfs/zfs.ts';
import { readPause, writePause, type Pause } from '../../vmadm/machines/pause.ts';
import { machineRuntime } from '../../vmadm/machines/runtime.ts';
import type { Log } from '../log.ts';
import type { Attendant } from './attendant.ts';

const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 5000;
const LOOK_MILLISECONDS = 3000;
const LEAST_MILLISECONDS = 200;
/** Room that a machine needs to go on for more than a moment. */
const LEAST_BYTES = 64 * 1024 * 1024;

/** Supervise the machines of a node; which there are is told by `attend`. */
export function openSupervision(node: Node, log: Log): Attendant {
  const watched = new Map<string, AbortController>();

  function leave(uuid: string): void {
    watched.get(uuid)?.abort();
    watched.delete(uuid);
  }

  return {
    async attend(uuid) {
      if (watched.has(uuid)) return;
      const closed = new AbortController();
      watched.set(uuid, closed);
      void superviseAgainAndAgain(node, uuid, closed.signal, log);
    },
    leave,
    close() {
      for (const uuid of [...watched.keys()]) leave(uuid);
    },
  };
}

async function superviseAgainAndAgain(node: Node, uuid: string, closed: AbortSignal, log: Log): Promise<void> {
  for (let pause = FIRST_PAUSE; !closed.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    const started = performance.now();
    await supervise(node, uuid, closed).catch((error: unknown) => {
      if (!isSystemError(error, 'ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE') && !isErrorCode(error, 'QmpFailed')) log.failure(uuid, 'supervision', error);
    });
    if (performance.now() - started > LONGEST_PAUSE) pause = FIRST_PAUSE;
    await sleep(pause, undefined, { signal: closed }).catch(() => undefined);
  }
}

/** Watch one machine until it is gone, or we are. @throws QmpFailed, system errors of its socket */
async function supervise(node: Node, uuid: string, closed: AbortSignal): Promise<void> {
  let wake = (): void => undefined;
  const qmp = await connectQmp(join(machineRuntime(node, uuid).directory, 'sockets', SOCKETS.supervisor), { onEvent: () => wake() });
  const over = new AbortController();
  const end = (): void => (over.abort(), wake());
  void qmp.closed.then(end);
  closed.addEventListener('abort', end, { once: true, signal: over.signal });
  const rest = (milliseconds: number): Promise<void> => sleep(milliseconds, undefined, { signal: over.signal }).catch(() => undefined);
  try {
    let known = await readPause(node, uuid);
    while (!over.signal.aborted && !closed.aborted) {
      const heard = new Promise<void>((resolve) => (wake = resolve));
      const now = await pauseOf(qmp, known);
      if (now !== known) await writePause(node, uuid, now);
      known = now;
      if (now?.reason === 'no-space' && (await availableBytes(dataset(node.pool))) > LEAST_BYTES) await qmp.execute('cont');
      // One that runs is looked at when something happens to it, and not more often than that however much it makes happen.
      await (now === undefined ? heard : Promise.race([heard, rest(LOOK_MILLISECONDS)]));
      await rest(LEAST_MILLISECONDS);
    }
  } finally {
    over.abort();
    qmp.close();
  }
}

async function pauseOf(qmp: Qmp, before: Pause | undefined): Promise<Pause | undefined> {
  const { status, running } = (await qmp.execute('query-status')) as { readonly status: string; readonly running: boolean };
  if (running) return undefined;
  const disks = (await qmp.execute('query-block')) as ReadonlyArray<{ readonly 'io-status'?: string }>;
  const reason = status === 'io-error' && disks.some((disk) => disk['io-status'] === 'nospace') ? 'no-space' : status;
  return before?.reason === reason ? before : { reason, since: new Date().toISOString() };
}
