/** Image servers that lie, fail or mean harm: nothing is installed, and nothing is left. */
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { ensureImage, type ImportOptions } from '../../imgadm/index.ts';
import { deleteInstalled } from '../../imgadm/store/delete.ts';
import { tarOf } from '../support/archives.ts';
import { cli } from '../support/cli.ts';
import { imageTraces, type ImageTraces } from '../support/image-traces.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';

type Answer = (response: ServerResponse, path: string) => void;

const UUID = 'aaaaaaaa-0000-4000-8000-000000000001';
const OTHER = 'bbbbbbbb-0000-4000-8000-000000000002';

let node: ScratchNode;
let server: Server;
let url: string;
let elsewhere: Server;
let askedElsewhere = 0;
let content: Buffer;
let untouched: ImageTraces;
/** What the server answers, by the end of the path. */
let answers: { manifest: Answer; file: Answer };
let fileRequests = 0;

before(async () => {
  node = await scratchNode();
  content = await tarOf([{ name: './etc/', type: 'directory' }, { name: './etc/big', content: 'x'.repeat(300_000) }]);
  server = createServer((request, response) => {
    const path = request.url ?? '';
    if (path.endsWith('/file')) {
      fileRequests++;
      answers.file(response, path);
    } else if (path === '/ping') json({ ping: 'pong', imgapi: true })(response, path);
    else answers.manifest(response, path);
  });
  elsewhere = createServer((_request, response) => {
    askedElsewhere++;
    response.end('{}');
  });
  url = await listening(server);
  const uuid = randomUUID();
  answers = { manifest: json(manifest({ uuid })), file: bytes(content) };
  // The first image of a node claims the ids for unpacking, and makes the directory for downloads; they stay.
  await ensureImage(node, { uuid, sources: [{ type: 'imgapi', url }] });
  await deleteInstalled(node, uuid);
  untouched = await imageTraces(node);
});
after(async () => {
  for (const one of [server, elsewhere]) {
    one.closeAllConnections();
    one.close();
  }
  await node.remove();
});
beforeEach(() => {
  answers = { manifest: json(manifest()), file: bytes(content) };
  fileRequests = 0;
});

const sha1 = (of: Buffer): string => createHash('sha1').update(of).digest('hex');
const file = (changes: object = {}): object => ({ sha1: sha1(content), size: content.length, compression: 'none', ...changes });
const manifest = (changes: object = {}): object => ({ v: 2, uuid: UUID, name: 'bad', version: '1', type: 'lx-dataset', os: 'linux', state: 'active', files: [file()], ...changes });
const json = (value: unknown, status = 200): Answer => (response) => void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
const bytes = (of: Buffer): Answer => (response) => void response.writeHead(200, { 'content-length': of.length }).end(of);
const changed = (): Buffer => Buffer.from(content).fill('y', 1000, 1001);

interface BadServer {
  readonly manifest?: Answer;
  readonly file?: Answer;
  readonly code: string;
  readonly message: RegExp;
  /** What came stays for the next attempt: the network failed, not the content. */
  readonly keeps?: true;
  readonly options?: Partial<ImportOptions>;
  /** How often the file is asked for at most. */
  readonly requests?: number;
}

const SERVERS: Readonly<Record<string, () => BadServer>> = {
  'sends other bytes of the same length': () => ({ file: bytes(changed()), code: 'DownloadError', message: /sha1 of the file .* expected [0-9a-f]{40}, got [0-9a-f]{40}$/, requests: 1 }),
  'sends fewer bytes than the manifest says': () => ({ file: bytes(content.subarray(1)), code: 'DownloadError', message: /size of the file .* expected 302080, got 302079$/, requests: 1 }),
  'sends more bytes than the manifest says': () => ({ file: bytes(Buffer.concat([content, content])), code: 'DownloadError', message: /size of the file .* got 604160$/, requests: 1 }),
  'sends bytes without an end': () => ({ file: endless, code: 'DownloadError', message: /expected 302080, got more than 302080$/, requests: 1 }),
  'breaks off at the same byte each time': () => ({ file: truncated, code: 'ClientError', message: /^http:\/\/127\.0\.0\.1:\d+: /, keeps: true, requests: 6 }),
  'sends a byte now and then': () => ({ file: trickle, code: 'ClientError', message: /comes too slowly: less than 1000 bytes in 1 seconds$/, keeps: true, options: { rate: { bytes: 1000, seconds: 1 } } }),
  'sends nothing and keeps the line open': () => ({
    file: (response) => void response.writeHead(200, { 'content-length': content.length }).flushHeaders(),
    code: 'ClientError',
    message: /comes too slowly/,
    options: { rate: { bytes: 1000, seconds: 1 } },
  }),
  'redirects the file to another server': () => ({ file: redirect(() => `${address(elsewhere)}/x`), code: 'ClientError', message: /redirects to another server, http:\/\/127\.0\.0\.1:\d+; add that one/, requests: 1 }),
  'redirects the manifest to another server': () => ({ manifest: redirect(() => `${address(elsewhere)}/x`), code: 'ClientError', message: /redirects to another server/, requests: 0 }),
  'redirects to a file of this host': () => ({ file: redirect(() => 'file:///etc/shadow'), code: 'ClientError', message: /redirects to another server/ }),
  'redirects in circles': () => ({ manifest: redirect((path) => path), code: 'ClientError', message: /redirects more than 3 times/ }),
  'has a manifest of 10 MB': () => ({ manifest: json(manifest({ description: 'x'.repeat(10_000_000) })), code: 'ClientError', message: /answer has more than 1048576 bytes$/, requests: 0 }),
  'answers with the manifest of another image': () => ({ manifest: json(manifest({ uuid: OTHER })), code: 'InvalidManifest', message: /was asked for image aaaaaaaa.* and answered with bbbbbbbb/, requests: 0 }),
  'names a file outside in a manifest': () => ({ manifest: json(manifest({ files: [file({ sha1: '../../../../etc/x' })] })), code: 'ManifestValidation', message: /files\.0\.sha1 \(not a sha1\)/, requests: 0 }),
  'has a manifest with fields that nobody knows': () => ({ manifest: json(manifest({ 'run-me': 'x' })), code: 'ManifestValidation', message: /run-me \(unknown field\)/, requests: 0 }),
  'says that its file has 21 GiB': () => ({ manifest: json(manifest({ files: [file({ size: 21 * 1024 ** 3 })] })), code: 'ManifestValidation', message: /more than 20 GiB/, requests: 0 }),
  'says that its file is larger than the pool': () => ({ manifest: json(manifest({ files: [file({ size: 19 * 1024 ** 3 })] })), code: 'InsufficientSpace', message: /the image file has 19456\.0 MiB/, requests: 0 }),
  'does not say how its file is to be verified': () => ({ manifest: json(manifest({ files: [{ compression: 'none' }] })), code: 'DownloadError', message: /no size and sha1/, requests: 0 }),
  'has no files': () => ({ manifest: json(manifest({ files: [] })), code: 'DownloadError', message: /no size and sha1/, requests: 0 }),
  'calls a tarball a disk': () => ({ manifest: json(manifest({ type: 'zvol' })), code: 'ImageFileInvalid', message: /it is a tar archive, and an image of type "zvol" needs a disk/, requests: 1 }),
  'has an image of a type that cannot be used': () => ({ manifest: json(manifest({ type: 'lxd' })), code: 'NotSupported', message: /type "lxd"/, requests: 0 }),
  'has an image that is its own origin': () => ({ manifest: json(manifest({ origin: UUID })), code: 'InvalidManifest', message: /is its own origin/, requests: 0 }),
  'has two images that are each the origin of the other': () => ({ manifest: loop, code: 'InvalidManifest', message: /is its own origin, by way of/, requests: 0 }),
  'has origins without an end': () => ({ manifest: ladder, code: 'InvalidManifest', message: /more than 100 origins/, requests: 0 }),
  'has no such origin': () => ({ manifest: (response, path) => (path.includes(UUID) ? json(manifest({ origin: OTHER })) : json({ code: 'ResourceNotFound', message: 'no' }, 404))(response, path), code: 'OriginNotFoundInSource', message: new RegExp(`origin image "${OTHER}" does not exist in image source`), requests: 0 }),
  'is a web site': () => ({ manifest: (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'), code: 'ClientError', message: /not JSON; is this the URL of an image server\?$/, requests: 0 }),
  'is no more': () => ({ manifest: (response) => void response.destroy(), code: 'ClientError', message: /^http:\/\/127\.0\.0\.1:\d+: /, requests: 0 }),
  'answers with an error of its own': () => ({ manifest: json({ code: 'ServiceUnavailable', message: 'later\u001b[2J\nplease', errors: [{ field: 'a' }] }, 503), code: 'ServiceUnavailable', message: /^http:\/\/127\.0\.0\.1:\d+: later \[2J please$/, requests: 0 }),
  'answers with an error code that is none': () => ({ manifest: json({ code: '\u001b]0;x', message: 'm' }, 500), code: 'ClientError', message: /it answered with status 500: m$/, requests: 0 }),
  'has a file that climbs out of the image': () => ({ ...hostile(CLIMBING), code: 'UnsafeArchive', message: /\.\.\/\.\.\/etc\/passwd/, requests: 1 }),
};

let CLIMBING: Buffer;
before(async () => {
  CLIMBING = await tarOf([{ name: '../../etc/passwd', content: 'x' }]);
});

for (const [what, make] of Object.entries(SERVERS)) {
  test(`nothing comes from a source that ${what}`, async () => {
    const { code, message, options = {}, requests = Infinity, keeps, ...bad } = make();
    answers = { ...answers, ...bad };
    await assert.rejects(ensureImage(node, { uuid: UUID, sources: [{ type: 'imgapi', url }], pauseMs: 1, ...options }), { code, message });
    assert.ok(fileRequests <= requests, `the file was asked for ${fileRequests} times`);
    assert.equal(askedElsewhere, 0);
    assert.deepEqual(await imageTraces(node), untouched);
    const left = await readdir(join(node.mountpoint, '.downloads'));
    if (!keeps) assert.deepEqual(left, []);
    for (const name of left) await rm(join(node.mountpoint, '.downloads', name));
  });
}

test('the command tells a bad file as an error, after what it said on its way', async () => {
  answers.file = bytes(changed());
  const { stdout, stderr, status } = await cli(node, 'imgadm', ['import', '-S', url, UUID]);
  const reason = `${url}: sha1 of the file of image ${UUID} does not match its manifest: expected ${sha1(content)}, got ${sha1(changed())}`;
  assert.deepEqual([status, stderr], [1, `imgadm import: error (DownloadError): ${reason}\n`]);
  assert.equal(stdout.split('\n').at(-2), `Aborting (${reason})`);
});

test('a list that is partly bad is shown as far as it is good', async () => {
  answers.manifest = json([manifest(), manifest({ uuid: OTHER, name: 'bad\u001b[2J' }), 'nonsense', null]);
  await cli(node, 'imgadm', ['sources', '-a', url]);
  await cli(node, 'imgadm', ['sources', '-d', 'https://images.smartos.org']);
  const { stdout, stderr, status } = await cli(node, 'imgadm', ['avail', '-H', '-o', 'uuid']);
  assert.deepEqual([stdout, status], [`${UUID}\n`, 0]);
  assert.match(stderr, new RegExp(`^warning: ${url}: image ${OTHER}: invalid manifest: name \\(`));
  assert.doesNotMatch(stderr, /\u001b/); // eslint-disable-line no-control-regex
});

function hostile(archive: Buffer): { manifest: Answer; file: Answer } {
  return { manifest: json(manifest({ files: [file({ sha1: sha1(archive), size: archive.length })] })), file: bytes(archive) };
}

function redirect(to: (path: string) => string): Answer {
  return (response, path) => void response.writeHead(302, { location: to(path) }).end();
}

function endless(response: ServerResponse): void {
  response.writeHead(200);
  const more = (): void => {
    while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    if (!response.destroyed) response.once('drain', more);
  };
  more();
}

function truncated(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': content.length });
  response.write(content.subarray(0, 100_000), () => response.destroy());
}

function trickle(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': content.length });
  let sent = 0;
  const timer = setInterval(() => response.write(content.subarray(sent, ++sent)), 100);
  response.on('close', () => clearInterval(timer));
}

function loop(response: ServerResponse, path: string): void {
  const [uuid, origin] = path.includes(UUID) ? [UUID, OTHER] : [OTHER, UUID];
  json(manifest({ uuid, origin }))(response, path);
}

function ladder(response: ServerResponse, path: string): void {
  const uuid = path.slice(-36);
  const origin = `${uuid.slice(0, 24)}${(parseInt(uuid.slice(24), 16) + 1).toString(16).padStart(12, '0')}`;
  json(manifest({ uuid, origin }))(response, path);
}

async function listening(one: Server): Promise<string> {
  for (const each of [one, elsewhere]) {
    each.listen(0, '127.0.0.1');
    await once(each, 'listening');
  }
  return address(one);
}

function address(one: Server): string {
  return `http://127.0.0.1:${(one.address() as AddressInfo).port}`;
}
