import assert from 'node:assert/strict';
import { createWriteStream } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { dataset, type Dataset } from '../../host/config/units.ts';
import { run } from '../../host/run/run.ts';
import { cloneDataset, createDataset, destroyDataset, getProperties, listSnapshots, snapshotDataset } from '../../host/zfs/zfs.ts';
import { findImage } from '../../imgadm/index.ts';
import { deleteInstalled } from '../../imgadm/store/delete.ts';
import { installImage } from '../../imgadm/store/install.ts';
import { whileMounted } from '../../imgadm/store/mount.ts';
import { manifestFor, type ImageFiles } from '../support/archives.ts';
import { imageTraces, type ImageTraces } from '../support/image-traces.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';

let node: ScratchNode;
let untouched: ImageTraces;
let count = 0;

before(async () => {
  node = await scratchNode();
  untouched = await imageTraces(node);
});
after(() => node.remove());

test('a stream becomes an image whose one snapshot is @final, unmounted and with pinned properties', async () => {
  const { uuid, ...files } = await imageOf(await sent(async (directory) => mkdir(join(directory, 'root')), 'whatever'));
  await installImage(node, files);
  const image = await findImage(node, uuid);
  assert.ok(image);
  assert.deepEqual(await listSnapshots(image.dataset), ['final']);
  const properties = await getProperties(image.dataset, 'mounted', 'canmount', 'devices', 'sharenfs', 'zonewright:image');
  assert.deepEqual(properties, { mounted: 'no', canmount: 'noauto', devices: 'off', sharenfs: 'off', 'zonewright:image': 'true' });
  await deleteInstalled(node, uuid);
  assert.deepEqual(await imageTraces(node), untouched);
});

test('an incremental stream becomes a clone of its origin, which then cannot be deleted', async () => {
  const file = await sent(async (directory) => mkdir(join(directory, 'root')));
  const origin = await imageOf(file);
  await installImage(node, origin);
  const changed = dataset(node.pool, 'changed');
  await cloneDataset(dataset(node.pool, origin.uuid), 'final', changed, { canmount: 'noauto' });
  await whileMounted(node, changed, (directory) => writeFile(join(directory, 'root/more'), 'x'));
  await snapshotDataset(changed, 'final');
  const difference = nextFile();
  await run(['zfs', 'send', '-i', `${dataset(node.pool, origin.uuid)}@final`, `${changed}@final`], { stdoutTo: createWriteStream(difference) });
  await destroyDataset(changed, { recursive: true });
  const image = await imageOf(difference, { origin: origin.uuid });
  await installImage(node, image);
  assert.equal((await getProperties(dataset(node.pool, image.uuid), 'origin'))?.origin, `${node.pool}/${origin.uuid}@final`);
  await assert.rejects(deleteInstalled(node, origin.uuid), { code: 'ImageHasDependentClones', message: new RegExp(image.uuid) });
  await deleteInstalled(node, image.uuid);
  await deleteInstalled(node, origin.uuid);
  assert.deepEqual(await imageTraces(node), untouched);
});

const HOSTILE: ReadonlyArray<readonly [what: string, make: () => Promise<Files>, error: { code: string; message: RegExp }]> = [
  ['whose root is a symbolic link', async () => imageOf(await sent((directory) => symlink('/', join(directory, 'root')))), { code: 'ImageUnusable', message: /"root" is not a directory/ }],
  ['without a root', async () => imageOf(await sent(async () => undefined)), { code: 'ImageUnusable', message: /"root" is not a directory/ }],
  ['with several snapshots', async () => imageOf(await sent((directory) => mkdir(join(directory, 'root')), 'b', ['-R'], 'a')), { code: 'ImageFileInvalid', message: /carries properties or several snapshots/ }],
  ['that is incremental while the manifest names no origin', async () => imageOf(await sent((directory) => mkdir(join(directory, 'root')), 'b', ['-i', '@a'], 'a')), { code: 'ImageFileInvalid', message: /names no origin/ }],
  ['that was cut off', async () => imageOf(await cut(await sent((directory) => mkdir(join(directory, 'root'))))), { code: 'CommandFailed', message: /zfs failed.*(incomplete|cannot receive|invalid)/ }],
];

for (const [what, make, error] of HOSTILE) {
  test(`a stream ${what} is refused and leaves nothing`, async () => {
    await assert.rejects(installImage(node, await make()), error);
    assert.deepEqual(await imageTraces(node), untouched);
  });
}

type Files = ImageFiles & { readonly manifestPath: string; readonly filePath: string };

async function imageOf(file: string, changes: Readonly<Record<string, unknown>> = {}): Promise<Files> {
  const files = await manifestFor(file, `${file}.imgmanifest`, changes);
  return { ...files, file, manifestPath: files.manifest, filePath: file };
}

/** The stream of a dataset made for it. */
async function sent(fill: (directory: string) => Promise<unknown>, snapshot = 'final', options: readonly string[] = [], earlier?: string): Promise<string> {
  const source: Dataset = dataset(node.pool, 'source');
  await createDataset(source, { canmount: 'noauto' });
  await whileMounted(node, source, async (directory) => {
    if (earlier !== undefined) await snapshotDataset(source, earlier);
    await fill(directory);
  });
  await snapshotDataset(source, snapshot);
  const file = nextFile();
  await run(['zfs', 'send', ...options.map((option) => option.replace(/^@/, `${source}@`)), `${source}@${snapshot}`], { stdoutTo: createWriteStream(file) });
  await destroyDataset(source, { recursive: true });
  return file;
}

async function cut(file: string): Promise<string> {
  await run(['truncate', '--size=-2000', file]);
  return file;
}

function nextFile(): string {
  return join(process.env['ZONEWRIGHT_SANDBOX'] ?? '', `stream-${++count}.zfs`);
}
