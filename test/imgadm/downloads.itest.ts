/** Downloads that are cut off, killed, stopped and wanted by several: no byte twice, nothing left. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureImage, findImage, type ImageSource } from '../../imgadm/index.ts';
import { deleteInstalled } from '../../imgadm/store/delete.ts';
import { cli, type CliResult } from '../support/cli.ts';
import { imageProxy, type ImageProxy } from '../support/image-proxy.ts';
import { imageServer, type ImageServer } from '../support/image-server.ts';
import { imageTraces, type ImageTraces } from '../support/image-traces.ts';
import { publishedImage, type PublishedImage } from '../support/published-image.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';

let node: ScratchNode;
let server: ImageServer;
let proxy: ImageProxy;
let source: ImageSource;
let small: PublishedImage;
let large: PublishedImage;
let untouched: ImageTraces;

before(async () => {
  node = await scratchNode();
  server = await imageServer();
  proxy = await imageProxy(server.url);
  source = { type: 'imgapi', url: proxy.url };
  small = await publishedImage(server, { name: 'small' });
  large = await publishedImage(server, { name: 'large' }, 12);
  // The first image of a node claims the ids for unpacking, and makes the directory for downloads; they stay.
  await ensureImage(node, { uuid: small.uuid, sources: [source] });
  await deleteInstalled(node, small.uuid);
  untouched = await imageTraces(node);
  proxy.files.length = 0;
});
after(async () => {
  await proxy.close();
  await server.close();
  await node.remove();
});
afterEach(() => {
  proxy.files.length = 0;
  proxy.stop = undefined;
  proxy.intercept = () => false;
});

const imgadm = (...args: string[]): Promise<CliResult> => cli(node, 'imgadm', args);
const downloads = (): Promise<string[]> => readdir(join(node.mountpoint, '.downloads'));

test('a download that is killed goes on where it stopped', async () => {
  proxy.stop = { after: 5_000_000, how: 'hold' };
  const { child, ended } = start('import', '-S', proxy.url, large.uuid);
  await untilDownloaded(5_000_000);
  child.kill('SIGKILL');
  await ended;
  const [name] = await downloads();
  assert.match(String(name), new RegExp(`^${large.uuid}-[0-9a-f]{40}\\.partial$`));
  proxy.stop = undefined;
  assert.equal((await imgadm('import', '-S', proxy.url, large.uuid)).status, 0);
  assert.equal(proxy.files[1]?.range, 'bytes=5000000-');
  assert.equal(proxy.files[1]?.bytes, large.size - 5_000_000);
  await gone(large.uuid);
});

test('Ctrl-C in a download says how much is kept, and the next import goes on from there', async () => {
  proxy.stop = { after: 3_000_000, how: 'hold' };
  const { child, output, ended } = start('import', '-S', proxy.url, large.uuid);
  await untilDownloaded(3_000_000);
  child.kill('SIGINT');
  assert.equal(await ended, 130);
  assert.equal(output.stderr, `imgadm import: error (DownloadInterrupted): interrupted: 3000000 of ${large.size} bytes of image ${large.uuid} are kept; the next import goes on from there\n`);
  assert.match(output.stdout, /\nAborting \(interrupted: 3000000 of /);
  assert.equal(await findImage(node, large.uuid), undefined);
  proxy.stop = undefined;
  await ensureImage(node, { uuid: large.uuid, sources: [source] });
  assert.equal(proxy.files[1]?.bytes, large.size - 3_000_000);
  await gone(large.uuid);
});

test('a line that breaks again and again still brings the whole file, each byte once', async () => {
  proxy.stop = { after: 2_500_000, how: 'cut' };
  await ensureImage(node, { uuid: large.uuid, sources: [source], pauseMs: 1 });
  assert.ok(proxy.files.length >= 5, `${proxy.files.length} requests`);
  const received = proxy.files.slice(1).map(({ range }) => Number(/=(\d+)-/.exec(range ?? '')?.[1]));
  assert.deepEqual(received, received.toSorted((one, other) => one - other));
  await gone(large.uuid);
});

test('a source that knows no ranges is asked for the whole again', async () => {
  let asked = 0;
  proxy.stop = { after: 2_500_000, how: 'cut' };
  proxy.intercept = (request) => {
    if (!request.url?.endsWith('/file')) return false;
    delete request.headers.range;
    if (++asked === 2) proxy.stop = undefined;
    return false;
  };
  await ensureImage(node, { uuid: large.uuid, sources: [source], pauseMs: 1 });
  assert.deepEqual(proxy.files.map(({ bytes }) => bytes), [2_500_000, large.size]);
  await gone(large.uuid);
});

test('a beginning that is not of this file is found out, and all of it is fetched again', async () => {
  const [sha1] = large.manifestOf.files?.map((file) => file.sha1) ?? [];
  await writeFile(join(node.mountpoint, '.downloads', `${large.uuid}-${String(sha1)}.partial`), 'z'.repeat(1_000_000));
  await ensureImage(node, { uuid: large.uuid, sources: [source] });
  assert.deepEqual(proxy.files.map(({ range }) => range), ['bytes=1000000-', undefined]);
  await gone(large.uuid);
});

for (const point of ['intent', ...[1, 2, 3, 4, 5].flatMap((step) => [`before:${step}`, `after:${step}`]), 'before:commit']) {
  test(`an import that is killed at ${point} leaves no image, and the next one downloads nothing again`, async () => {
    const killed = await cli(node, 'imgadm', ['import', '-S', proxy.url, small.uuid], { environment: { ZONEWRIGHT_CRASH_AT: point } });
    assert.equal(killed.signal, 'SIGKILL');
    assert.equal((await imgadm('list')).stdout, '');
    assert.deepEqual(await imageTraces(node), untouched);
    assert.equal((await imgadm('import', '-S', proxy.url, small.uuid)).status, 0);
    assert.deepEqual(proxy.files.map(({ bytes }) => bytes), [small.size]);
    await gone(small.uuid);
  });
}

test('whoever wants one image at once waits for one import, in this process and in others', async () => {
  proxy.stop = { after: 1_000_000, how: 'hold' };
  const inProcess = Array.from({ length: 3 }, () => ensureImage(node, { uuid: large.uuid, sources: [source], pauseMs: 1 }));
  await untilDownloaded(1_000_000);
  const others = [start('import', '-S', proxy.url, large.uuid), start('import', '-S', proxy.url, large.uuid)];
  while (!others.every(({ output }) => output.stdout.includes(`Waiting for image ${large.uuid} import lock\n`))) await sleep(50);
  proxy.stop = { after: 1_000_000, how: 'cut' };
  proxy.intercept = () => ((proxy.stop = undefined), false);
  proxy.release();
  const outcomes = (await Promise.all(inProcess)).map(({ outcome }) => outcome).sort();
  assert.deepEqual(outcomes, ['imported', 'meanwhile', 'meanwhile']);
  for (const { output, ended } of others) {
    assert.equal(await ended, 0);
    assert.match(output.stdout, new RegExp(`Image ${large.uuid} \\(large@1\\.0\\) was imported while waiting on lock\n$`));
  }
  assert.deepEqual(proxy.files.map(({ range }) => range), [undefined, 'bytes=1000000-']);
  await gone(large.uuid);
});

interface Running {
  readonly child: ChildProcess;
  /** What it has said so far. */
  readonly output: { stdout: string; stderr: string };
  /** Its exit status, when it has ended. */
  readonly ended: Promise<number | null>;
}

function start(...args: string[]): Running {
  const program = join(import.meta.dirname, '../../bin/imgadm.ts');
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ZONEWRIGHT_NODE: node.configPath } });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (text) => (output.stdout += String(text)));
  child.stderr.on('data', (text) => (output.stderr += String(text)));
  return { child, output, ended: once(child, 'close').then(([status]) => status as number | null) };
}

/** Wait until so many bytes of the one download are on disk. */
async function untilDownloaded(bytes: number): Promise<void> {
  for (;;) {
    const [name] = await downloads();
    if (name !== undefined) {
      if ((await stat(join(node.mountpoint, '.downloads', name))).size === bytes) return;
    }
    await sleep(20);
  }
}

/** Take an image away again: nothing is left of it then. */
async function gone(uuid: string): Promise<void> {
  assert.ok(await findImage(node, uuid));
  assert.deepEqual(await downloads(), []);
  await deleteInstalled(node, uuid);
  assert.deepEqual(await imageTraces(node), untouched);
}

