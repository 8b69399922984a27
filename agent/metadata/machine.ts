/** Machines ask on their second serial port. QEMU listens for us there, so here the host is the one that connects. */
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Node } from '../../host/config/node-config.ts';
import { isSystemError } from '../../host/errors/errors.ts';
import { connectGuestSocket } from '../../host/qemu/guest-socket.ts';
import type { MetadataStore } from '../../vmadm/metadata/conversation.ts';
import { newGuestPace, serveStream } from '../../vmadm/metadata/serve-stream.ts';
import { machineSerial } from '../../vmadm/metadata/service-paths.ts';
import type { Log } from '../log.ts';
import type { Guest } from './guest.ts';

const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 5000;

/** Serve a machine for as long as it has its socket; when the line breaks it is taken up again. */
export function serveMachine(node: Node, uuid: string, store: MetadataStore, log: Log): Guest {
  const path = machineSerial(node, uuid);
  const closed = new AbortController();
  let line: Socket | undefined;

  async function keepConnected(): Promise<void> {
    const pace = newGuestPace();
    for (let pause = FIRST_PAUSE; !closed.signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      line = await connected(path);
      if (line) {
        pause = FIRST_PAUSE;
        // What is left of a line from before we were there is answered as an invalid command, which clients skip.
        await serveStream(line, store, pace).catch((error: unknown) => {
          if (!isSystemError(error, 'ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE')) log.failure(uuid, 'metadata request', error);
        });
        line.destroy();
        line = undefined;
      }
      await sleep(pause, undefined, { signal: closed.signal }).catch(() => undefined);
    }
  }

  void keepConnected().catch((error: unknown) => log.failure(uuid, 'serial line', error));
  return {
    isReachable: async () => existsSync(path),
    isRunning: async () => line !== undefined,
    close() {
      closed.abort();
      line?.destroy();
    },
  };
}

/** A connection to QEMU, undefined when it does not listen (any more) or has one already. */
async function connected(path: string): Promise<Socket | undefined> {
  try {
    const socket = await connectGuestSocket(path);
    socket.on('error', () => undefined);
    return socket;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EAGAIN')) return undefined;
    throw error;
  }
}
