import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { HEAD } from '../../../headnode/http/roles.ts';
import { openImageFiles } from '../../../headnode/images/files.ts';
import { imageServer, type ImageServer } from '../../support/image-server.ts';
import { callsTo, manifest, MISSING, sha1, type Wire } from './calls.ts';

let server: ImageServer;
const { call, published } = callsTo(() => server);

before(async () => {
  server = await imageServer();
});
after(() => server.close());

test('a part of a file can be had, and a range beyond it is refused', async () => {
  const content = randomBytes(1000);
  const { uuid } = await published({}, content);
  const part = async (range: string, headers: Record<string, string> = {}): Promise<[number, string | null, Buffer]> => {
    const answer = await fetch(`${server.url}/images/${uuid}/file`, { headers: { range, ...headers } });
    return [answer.status, answer.headers.get('content-range'), Buffer.from(await answer.arrayBuffer())];
  };
  assert.deepEqual(await part('bytes=990-'), [206, 'bytes 990-999/1000', content.subarray(990)]);
  assert.deepEqual(await part('bytes=0-0'), [206, 'bytes 0-0/1000', content.subarray(0, 1)]);
  assert.deepEqual(await part('bytes=-5'), [206, 'bytes 995-999/1000', content.subarray(995)]);
  assert.deepEqual(await part('bytes=500-9999'), [206, 'bytes 500-999/1000', content.subarray(500)]);
  for (const range of ['bytes=1000-', 'bytes=-0']) assert.deepEqual((await part(range)).slice(0, 2), [416, 'bytes */1000'], range);
  for (const range of ['bytes=5-1', 'bytes=a-b', 'lines=1-2', 'bytes=0-1,4-5', 'bytes=-']) assert.deepEqual(await part(range), [200, null, content], range);
  assert.equal((await part('bytes=990-', { 'if-range': '"another"' }))[0], 200);
  assert.equal((await part('bytes=990-', { 'if-range': `"${sha1(content)}"` }))[0], 206);
});

test('an upload that is not what it was said to be is refused, and nothing of it stays', async () => {
  const image = manifest();
  const uuid = String(image['uuid']);
  await call('POST', `/images/${uuid}?action=import`, image);
  const before = await server.stored();
  const put = (query: string, content: Uint8Array = Buffer.from('content')): ReturnType<typeof call> => call('PUT', `/images/${uuid}/file?${query}`, content);
  assert.deepEqual((await put(`compression=none&sha1=${'0'.repeat(40)}`)).body.code, 'Upload');
  assert.deepEqual((await put('compression=none', new Uint8Array(0))).body.code, 'Upload');
  for (const query of ['', 'compression=rar', 'compression=none&sha1=xyz', 'compression=none&dataset_guid=-1']) assert.equal((await put(query)).status, 422, query);
  assert.equal((await call('PUT', `/images/${MISSING}/file?compression=none`, Buffer.from('x'))).status, 404);
  assert.deepEqual(await server.stored(), before);
  assert.equal((await call('GET', `/images/${uuid}`)).body['files'], undefined);
});

test('an upload that is cut off leaves nothing, and the next one works', async () => {
  const image = manifest();
  const uuid = String(image['uuid']);
  await call('POST', `/images/${uuid}?action=import`, image);
  const before = await server.stored();
  const { hostname, port } = new URL(server.url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.write(`PUT /images/${uuid}/file?compression=none HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\ncontent-length: 1000000\r\n\r\n${'x'.repeat(1000)}`);
  await eventually(async () => assert.equal((await server.stored()).length, before.length + 1));
  socket.destroy();
  await eventually(async () => assert.deepEqual(await server.stored(), before));
  assert.equal((await call('PUT', `/images/${uuid}/file?compression=none`, Buffer.from('whole'))).status, 200);
});

test('an upload that says nothing is ended, and leaves nothing', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'files-'));
  const files = await openImageFiles(directory, async () => false);
  const keep = (): Promise<void> => assert.fail('there is nothing to keep');
  await assert.rejects(files.take({ uuid: MISSING, stream: new PassThrough(), size: 10, rate: { bytes: 1, seconds: 0.3 } }, keep), { code: 'Upload', message: /comes too slowly/ });
  await assert.rejects(files.take({ uuid: MISSING, stream: new PassThrough(), size: 21 * 1024 ** 3 }, keep), { code: 'ImageFileTooBig' });
  assert.deepEqual(await readdir(directory), ['incoming']);
  await rm(directory, { recursive: true });
});

test('an active image keeps its file, and one that was not activated can have another', async () => {
  const { uuid } = await published();
  assert.deepEqual((await call('PUT', `/images/${uuid}/file?compression=none`, Buffer.from('other'))).body.code, 'ImageFilesImmutable');
  const image = manifest();
  await call('POST', `/images/${String(image['uuid'])}?action=import`, image);
  const before = await server.stored();
  for (const content of ['first', 'second']) assert.equal((await call('PUT', `/images/${String(image['uuid'])}/file?compression=none`, Buffer.from(content))).status, 200);
  const second = createHash('sha256').update('second').digest('hex');
  assert.deepEqual(await server.stored(), [...before, second].sort());
});

test('a file is kept once however many images have it, and goes with the last', async () => {
  const content = randomBytes(500);
  const [one, two] = [await published({}, content), await published({}, content)];
  const name = createHash('sha256').update(content).digest('hex');
  assert.equal((await call('DELETE', `/images/${one.uuid}`)).status, 204);
  assert.ok((await server.stored()).includes(name));
  assert.equal((await call('DELETE', `/images/${two.uuid}`)).status, 204);
  assert.equal((await server.stored()).includes(name), false);
  assert.equal((await call('GET', `/images/${two.uuid}`)).status, 404);
});

test('a start takes away what a crash left of uploads, and nothing else', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'head-'));
  const first = await imageServer({ directory });
  const { database } = server;
  const kept = await published();
  const sha256 = String((kept['files'] as Array<{ sha256: string }>)[0]?.sha256);
  await first.close();
  await writeFile(join(directory, 'images', `.4194304-${randomUUID()}.tmp`), 'half');
  await writeFile(join(directory, 'images', 'f'.repeat(64)), 'of no image');
  await writeFile(join(directory, 'images', sha256), await readFile(join(server.directory, 'images', sha256)));
  const second = await imageServer({ directory, database });
  assert.deepEqual(await second.stored(), [sha256]);
  await second.close();
  await rm(directory, { recursive: true });
});

test('a head fetches a file that another head has, keeps it, and asks no further when a head asks it', async () => {
  const { database } = server;
  const { uuid, ...image } = await published();
  const far = await imageServer({ database, peers: async () => [{ type: 'imgapi', url: server.url }] });
  const alone = await imageServer({ database, roleOf: () => HEAD, peers: async () => [{ type: 'imgapi', url: far.url }] });
  assert.deepEqual(await far.stored(), []);
  const missing = await fetch(`${alone.url}/images/${uuid}/file`);
  assert.deepEqual([missing.status, ((await missing.json()) as Wire).code], [503, 'FileIsMissing']);
  const answer = await fetch(`${far.url}/images/${uuid}/file`);
  const [file] = image['files'] as Array<{ sha1: string; sha256: string }>;
  assert.equal(sha1(new Uint8Array(await answer.arrayBuffer())), file?.sha1);
  assert.deepEqual(await far.stored(), [file?.sha256]);
  await alone.close();
  await far.close();
});

async function eventually(check: () => Promise<void>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await check();
    } catch (error) {
      if (tries === 300) throw error;
      await sleep(100);
    }
  }
}
