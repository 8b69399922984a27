import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { downloadResumably } from '../../../host/transfer/resumable-download.ts';
import { noise } from '../../support/disks.ts';

const CONTENT = noise(500_000, 7);

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

async function fetched(handle: Handler, options: Parameters<typeof downloadResumably>[1] = {}): Promise<Buffer> {
  let count = 0;
  const server = createServer((request, response) => handle(request, response, count++)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of downloadResumably(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/x`), options)) chunks.push(chunk);
    return Buffer.concat(chunks);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** Answer from where it is asked; break the line after so many bytes. */
function answer(response: ServerResponse, range: string | undefined, { etag = '"one"', breakAfter = Infinity } = {}): void {
  const start = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0);
  response.writeHead(range === undefined ? 200 : 206, { ...(etag && { etag }), 'content-length': CONTENT.length - start, ...(range !== undefined && { 'content-range': `bytes ${start}-${CONTENT.length - 1}/${CONTENT.length}` }) });
  if (breakAfter === Infinity) return void response.end(CONTENT.subarray(start));
  response.write(CONTENT.subarray(start, start + breakAfter), () => response.destroy());
}

test('a file comes whole although the line breaks again and again', async () => {
  const got = await fetched((request, response) => answer(response, request.headers.range, { breakAfter: 60_000 + (request.headers.range === undefined ? 0 : 40_000) }));
  assert.ok(got.equals(CONTENT));
});

test('it goes on only with the very same file', async () => {
  const changed = fetched((request, response, count) => {
    if (count === 0) return answer(response, undefined, { breakAfter: 1000 });
    assert.equal(request.headers['if-range'], '"one"');
    answer(response, undefined, { etag: '"two"' });
  });
  await assert.rejects(changed, { code: 'DownloadFailed', message: /it changed on the server/ });
});

test('a server that cannot say whether the file is the same is not asked to go on', async () => {
  await assert.rejects(fetched((_request, response) => answer(response, undefined, { etag: '', breakAfter: 1000 })), { code: 'DownloadFailed' });
});

test('what is not there is told at once, what may pass is asked for again', async () => {
  let asked = 0;
  await assert.rejects(fetched((_request, response, count) => void ((asked = count + 1), response.writeHead(404).end())), { code: 'DownloadFailed', message: /answers 404/ });
  assert.equal(asked, 1);
  const got = await fetched((request, response, count) => (count < 2 ? void response.writeHead(503).end() : answer(response, request.headers.range)));
  assert.ok(got.equals(CONTENT));
});

test('it gives up when nothing comes any more', async () => {
  await assert.rejects(fetched((_request, response) => void response.destroy(), { attempts: 2 }), { code: 'DownloadFailed' });
});

test('a password in a URL is not told', async () => {
  const url = new URL('http://somebody:secret@127.0.0.1:1/x?token=secret');
  await assert.rejects(downloadResumably(url, { attempts: 1 }).next(), (error: Error) => error.message.includes('127.0.0.1:1/x') && !error.message.includes('secret'));
});
