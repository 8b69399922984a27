import assert from 'node:assert/strict';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { dataset } from '../../host/config/units.ts';
import { run } from '../../host/run/run.ts';
import { cloneDataset, createDataset, destroyDataset, getProperties, snapshotDataset } from '../../host/zfs/zfs.ts';
import { ensureImage, findImage, preferImageSource, type ImageSource } from '../../imgadm/index.ts';
import { deleteInstalled } from '../../imgadm/store/delete.ts';
import { whileMounted } from '../../imgadm/store/mount.ts';
import { manifestFor } from '../support/archives.ts';
import { cli, type CliResult } from '../support/cli.ts';
import { imageProxy, type ImageProxy } from '../support/image-proxy.ts';
import { imageServer, type ImageServer } from '../support/image-server.ts';
import { imageTraces, type ImageTraces } from '../support/image-traces.ts';
import { publishedFiles, publishedImage, type PublishedImage } from '../support/published-image.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';

const MISSING = '00000000-0000-4000-8000-000000000000';

let node: ScratchNode;
let server: ImageServer;
let proxy: ImageProxy;
let source: ImageSource;
let small: PublishedImage;
let untouched: ImageTraces;

before(async () => {
  node = await scratchNode();
  server = await imageServer();
  proxy = await imageProxy(server.url);
  source = { type: 'imgapi', url: proxy.url };
  small = await publishedImage(server, { name: 'small' });
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

test('import says what it does, keeps the source, and has nothing to do the second time', async () => {
  const { stdout, stderr, status } = await imgadm('import', '-S', proxy.url, small.uuid);
  assert.deepEqual([stdout.split('\n'), stderr, status], [
    [
      `Importing ${small.uuid} (small@1.0) from "${proxy.url}"`,
      `Gather image ${small.uuid} ancestry`,
      'Must download and install 1 image (2.5 KiB)',
      `Downloaded image ${small.uuid} (2.5 KiB)`,
      `Imported image ${small.uuid} (small@1.0)`,
      '',
    ],
    '',
    0,
  ]);
  assert.equal((await findImage(node, small.uuid))?.source, proxy.url);
  assert.deepEqual(await downloads(), []);
  const again = await imgadm('import', '-q', '-P', node.pool, small.uuid);
  assert.deepEqual(again, { stdout: `Image ${small.uuid} (small 1.0) is already installed, skipping\n`, stderr: '', status: 0, signal: null });
  assert.equal((await imgadm('delete', small.uuid)).status, 0);
  assert.deepEqual(await imageTraces(node), untouched);
});

test('an image comes with all that it stands on, and ancestry shows it', async () => {
  const [base, middle, top] = await zfsChain();
  const { stdout, status } = await imgadm('import', '-S', proxy.url, top.uuid);
  assert.equal(status, 0);
  assert.match(stdout, /\nMust download and install 3 images \(\d+\.\d KiB\)\n/);
  assert.deepEqual(stdout.split('\n').filter((line) => line.startsWith('Imported image')), [base, middle, top].map(({ uuid, manifestOf }) => `Imported image ${uuid} (${manifestOf.name}@1.0)`));
  assert.equal((await getProperties(dataset(node.pool, top.uuid), 'origin'))?.origin, `${node.pool}/${middle.uuid}@final`);
  const line = (image: PublishedImage): string => `${image.uuid}  ${image.manifestOf.name.padEnd(6)}  1.0      ${String(image.manifestOf.published_at).replace(/\.\d+Z/, 'Z')}`;
  assert.equal((await imgadm('ancestry', top.uuid)).stdout, [`UUID${' '.repeat(32)}  NAME    VERSION  PUBLISHED`, line(top), line(middle), line(base), ''].join('\n'));
  const [first] = JSON.parse((await imgadm('ancestry', '-j', top.uuid)).stdout) as Array<Record<string, unknown>>;
  assert.deepEqual(Object.keys(first ?? {}), ['manifest', 'zpool', 'source']);
  await deleteInstalled(node, top.uuid);
  const again = await imgadm('import', '-S', proxy.url, top.uuid);
  assert.match(again.stdout, new RegExp(`\nImage ${middle.uuid} already installed\nMust download and install 1 image `));
  assert.equal((await imgadm('vacuum', '-f')).stdout, [top, middle, base].map(({ uuid, manifestOf }) => `Deleted image ${uuid} (${manifestOf.name}@1.0)\n`).join(''));
  assert.deepEqual(await imageTraces(node), untouched);
});

test('an image that no source has, or that is not active, is told', async () => {
  const fails = async (uuid: string, stderr: string): Promise<void> => {
    const result = await imgadm('import', '-S', proxy.url, uuid);
    assert.deepEqual([result.status, result.stdout, result.stderr], [1, '', `imgadm import: error (${stderr}\n`]);
  };
  await fails(MISSING, `ActiveImageNotFound): an active image "${MISSING}" was not found in image sources`);
  await server.images.enable(small.uuid, false);
  await fails(small.uuid, `ActiveImageNotFound): an active image "${small.uuid}" was not found in image sources`);
  await server.images.enable(small.uuid, true);
  await fails('foo', 'Usage): invalid image-id arg: "foo"');
  await fails('../../etc', 'Usage): invalid image-id arg: "../../etc"');
});

test('a source that fails does not matter when another has the image, and is told when none has', async () => {
  const dead = 'http://127.0.0.1:9';
  assert.equal((await imgadm('import', '-S', dead, '-S', proxy.url, small.uuid)).status, 0);
  await deleteInstalled(node, small.uuid);
  const one = await imgadm('import', '-S', dead, '-S', proxy.url, MISSING);
  assert.match(one.stderr, /^imgadm import: error \(ClientError\): http:\/\/127\.0\.0\.1:9: .*ECONNREFUSED.*\n$/);
  const two = await imgadm('import', '-S', dead, '-S', 'http://127.0.0.1:10', MISSING);
  assert.match(two.stderr, /^imgadm import: error \(MultiError\): multiple \(2\) errors\n {4}error \(ClientError\): http:\/\/127\.0\.0\.1:9: .*\n {4}error \(ClientError\): .*\n$/);
});

test('an image that asks for a later platform, or an older one, is refused before anything is fetched', async () => {
  const newer = await publishedImage(server, { requirements: { min_platform: { '7.0': '29991231T000000Z' } } });
  const older = await publishedImage(server, { requirements: { max_platform: { '6.5': '20150101T000000Z' } } });
  const [min, max] = [await imgadm('import', '-S', proxy.url, newer.uuid), await imgadm('import', '-S', proxy.url, older.uuid)];
  assert.match(min.stderr, /^imgadm import: error \(MinPlatform\): current platform version, 7\.0\/\d{8}T\d{6}Z, does not satisfy requirements\.min_platform=\{"7\.0":"29991231T000000Z"\}\n$/);
  assert.match(max.stderr, /^imgadm import: error \(MaxPlatform\): .* does not satisfy requirements\.max_platform=\{"6\.5":"20150101T000000Z"\}\n$/);
  assert.match((await imgadm('install', '-m', newer.manifest, '-f', newer.file)).stderr, /error \(MinPlatform\)/);
  assert.deepEqual(proxy.files, []);
  assert.deepEqual(await imageTraces(node), untouched);
});

test('ensureImage asks the sources of the node, the preferred one first', async () => {
  await preferImageSource(node, source);
  assert.equal((await imgadm('sources')).stdout, `${proxy.url}\nhttps://images.smartos.org\n`);
  assert.equal((await ensureImage(node, { uuid: small.uuid })).outcome, 'imported');
  assert.equal((await ensureImage(node, { uuid: small.uuid })).outcome, 'already');
  await gone(small.uuid);
});

/** Take an image away again: nothing is left of it then. */
async function gone(uuid: string): Promise<void> {
  assert.ok(await findImage(node, uuid));
  assert.deepEqual(await downloads(), []);
  await deleteInstalled(node, uuid);
  assert.deepEqual(await imageTraces(node), untouched);
}

/** Three images, each the difference to the one before, on the server and not on the node. */
async function zfsChain(): Promise<[PublishedImage, PublishedImage, PublishedImage]> {
  const chain: PublishedImage[] = [];
  const names = ['base', 'middle', 'top'];
  for (const [index, name] of names.entries()) {
    const made = dataset(node.pool, name);
    const before = names[index - 1];
    if (before === undefined) await createDataset(made, { canmount: 'noauto' });
    else await cloneDataset(dataset(node.pool, before), 'final', made, { canmount: 'noauto' });
    await whileMounted(node, made, async (directory) => {
      await mkdir(join(directory, 'root'), { recursive: true });
      await writeFile(join(directory, 'root', name), name);
    });
    await snapshotDataset(made, 'final');
    const file = join(process.env['ZONEWRIGHT_SANDBOX'] ?? '', `${name}.zfs`);
    const from = before === undefined ? [] : ['-i', `${dataset(node.pool, before)}@final`];
    await run(['zfs', 'send', ...from, `${made}@final`], { stdoutTo: createWriteStream(file) });
    const origin = chain.at(-1)?.uuid;
    const files = { file, ...(await manifestFor(file, `${file}.imgmanifest`, { name, ...(origin === undefined ? {} : { origin }) })) };
    chain.push(await publishedFiles(server, files));
  }
  for (const name of names.toReversed()) await destroyDataset(dataset(node.pool, name), { recursive: true });
  return chain as [PublishedImage, PublishedImage, PublishedImage];
}
