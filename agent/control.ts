/** The agent's own socket: one request per connection, a line, and a line as its answer. Only root can connect. */
import { createServer, type Socket } from 'node:net';
import type { Node } from '../host/config/node-config.ts';
import { isUuid } from '../host/config/units.ts';
import { prepareServiceDirectory } from '../vmadm/metadata/guest-mounts.ts';
import { controlSocket } from '../vmadm/metadata/service-paths.ts';
import { listenAt } from './listen.ts';

export interface ControlRequests {
  /** Resolves when the guest would be answered. */
  serve(uuid: string): Promise<void>;
  stop(): void;
}

export interface Control {
  /** Take no more requests, and answer none that came already: who asked asks the next agent. */
  close(): void;
}

/** Open the control socket. Whoever asks to stop is answered at once and then hears the connection end with us. */
export async function openControl(node: Node, requests: ControlRequests): Promise<Control> {
  const asking = new Set<Socket>();
  const server = createServer((socket) => {
    asking.add(socket);
    socket.on('error', () => undefined).on('close', () => asking.delete(socket));
    // Whoever tells us to stop waits for the end of the connection, which is that of this process and must not delay it.
    void answer(socket, { ...requests, stop: () => (asking.delete(socket), socket.unref(), requests.stop()) });
  });
  await prepareServiceDirectory(node);
  await listenAt(server, controlSocket(node), { uid: 0, gid: 0 });
  return {
    close() {
      server.close();
      for (const socket of asking) socket.destroy();
    },
  };
}

const LONGEST_REQUEST = 256;

async function answer(socket: Socket, requests: ControlRequests): Promise<void> {
  const request = await firstLine(socket);
  const [verb = '', uuid] = request.split(' ');
  if (verb === 'stop') {
    socket.write('ok\n');
    requests.stop();
  } else if (verb === 'status') {
    socket.end(`ok ${process.pid}\n`);
  } else if (verb === 'serve' && isUuid(uuid)) {
    const answered = await requests.serve(uuid).then(
      () => 'ok',
      (error: unknown) => `it cannot serve ${uuid}: ${error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'}`,
    );
    socket.end(`${answered}\n`);
  } else {
    socket.end('unknown request\n');
  }
}

function firstLine(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('\n') || text.length > LONGEST_REQUEST) resolve(text.split('\n')[0] ?? '');
    });
    socket.on('close', () => resolve(''));
  });
}
