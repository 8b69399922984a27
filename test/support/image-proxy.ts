import { createServer, request as requestOf, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** What a proxy saw of one request for an image's file. */
export interface SeenFile {
  readonly range: string | undefined;
  /** Bytes of the body that it passed on. */
  bytes: number;
}

export interface ImageProxy {
  readonly url: string;
  /** Requests for image files, in their order. */
  readonly files: SeenFile[];
  /** Paths of all other requests. */
  readonly others: string[];
  /** Answer requests instead of the server; false leaves one to it. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Cut each answer with a file off after so many bytes of its body; or hold it there, open and silent. */
  stop: { readonly after: number; readonly how: 'cut' | 'hold' } | undefined;
  /** Cut off the answers that are held. */
  release(): void;
  close(): Promise<void>;
}

/** Something between imgadm and an image server that sees everything and can spoil it: a bad line, a bad server. */
export async function imageProxy(upstream: string): Promise<ImageProxy> {
  const proxy = { files: [] as SeenFile[], others: [] as string[], stop: undefined } as unknown as ImageProxy & { url: string };
  const held = new Set<ServerResponse>();
  proxy.intercept = () => false;
  proxy.release = () => held.forEach((response) => response.destroy());
  const server = createServer((request, response) => {
    response.on('error', () => undefined);
    const file = (request.url ?? '').split('?')[0]?.endsWith('/file') === true && request.method === 'GET';
    const seen: SeenFile = { range: request.headers.range, bytes: 0 };
    if (file) proxy.files.push(seen);
    else proxy.others.push(request.url ?? '');
    if (proxy.intercept(request, response)) return;
    const passed = requestOf(new URL(request.url ?? '/', upstream), { method: request.method, headers: { ...request.headers, host: new URL(upstream).host } }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.on('error', () => response.destroy());
      response.on('close', () => answer.destroy());
      answer.on('data', (chunk: Buffer) => pass({ chunk, seen, stop: file ? proxy.stop : undefined, response, answer, held }));
      answer.on('end', () => response.end());
    });
    passed.on('error', () => response.destroy());
    request.pipe(passed);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  proxy.close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return proxy;
}

interface Passing {
  readonly chunk: Buffer;
  readonly seen: SeenFile;
  readonly stop: ImageProxy['stop'];
  readonly response: ServerResponse;
  readonly answer: IncomingMessage;
  readonly held: Set<ServerResponse>;
}

function pass({ chunk, seen, stop, response, answer, held }: Passing): void {
  const allowed = stop ? chunk.subarray(0, Math.max(0, stop.after - seen.bytes)) : chunk;
  seen.bytes += allowed.length;
  const taken = allowed.length === 0 || response.write(allowed);
  if (stop && seen.bytes >= stop.after) {
    answer.pause();
    if (stop.how === 'hold') held.add(response);
    // What was written goes out first.
    else response.write('', () => response.destroy());
  } else if (!taken) {
    answer.pause();
    response.once('drain', () => answer.resume());
  }
}
