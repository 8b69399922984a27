import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { dataset } from '../../host/config/units.ts';
import type { Plan } from '../../host/journal/plan.ts';
import { run } from '../../host/run/run.ts';
import { createDataset, destroyDataset, snapshotDataset } from '../../host/zfs/zfs.ts';
import { ensureOriginFor, findImage } from '../../imgadm/index.ts';
import { whileMounted } from '../../imgadm/store/mount.ts';
import { imageFiles, manifestFor, tarOf, type ImageFiles } from '../support/archives.ts';
import { cli } from '../support/cli.ts';
import { imageTraces, type ImageTraces } from '../support/image-traces.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';

let node: ScratchNode;
let archive: ImageFiles;
let stream: ImageFiles;
let untouched: ImageTraces;

before(async () => {
  node = await scratchNode();
  archive = await imageFiles(await tarOf([{ name: './etc/', type: 'directory' }, { name: './etc/hostname', content: 'x' }]));
  stream = await zfsImage();
  // The first image of a node claims the ids for unpacking, which stay.
  await cli(node, 'imgadm', ['install', '-m', archive.manifest, '-f', archive.file]);
  await cli(node, 'imgadm', ['delete', archive.uuid]);
  untouched = await imageTraces(node);
});
after(() => node.remove());

const points = (steps: number): string[] => {
  const each = Array.from({ length: steps }, (_, index) => [`before:${index + 1}`, `after:${index + 1}`]).flat();
  return ['intent', ...each, 'before:commit'];
};

for (const point of points(5)) {
  test(`an install of an archive that is killed at ${point} leaves nothing`, () => killedInstall(() => archive, point));
}

for (const point of points(3)) {
  test(`an install of a ZFS stream that is killed at ${point} leaves nothing`, () => killedInstall(() => stream, point));
}

test('no step lies beyond those walked here', async () => {
  for (const [image, point] of [[archive, 'before:6'], [stream, 'before:4']] as const) {
    const environment = { ZONEWRIGHT_CRASH_AT: point };
    assert.equal((await cli(node, 'imgadm', ['install', '-m', image.manifest, '-f', image.file], { environment })).status, 0);
    assert.equal((await cli(node, 'imgadm', ['delete', image.uuid], { environment: { ZONEWRIGHT_CRASH_AT: 'before:4' } })).status, 0);
  }
  assert.deepEqual(await imageTraces(node), untouched);
});

test('an install that is killed after its commit stays installed', async () => {
  await killed(['install', '-m', archive.manifest, '-f', archive.file], 'after:commit');
  assert.equal((await cli(node, 'imgadm', ['get', archive.uuid])).status, 0);
  assert.deepEqual((await imageTraces(node)).journal, []);
  await cli(node, 'imgadm', ['delete', archive.uuid]);
  assert.deepEqual(await imageTraces(node), untouched);
});

for (const point of [...points(3), 'after:commit']) {
  test(`a deletion that is killed at ${point} is carried to its end`, async () => {
    await cli(node, 'imgadm', ['install', '-m', archive.manifest, '-f', archive.file]);
    const image = await findImage(node, archive.uuid);
    assert.ok(image);
    await ensureOriginFor(node, image, 268435456, () => undefined);
    await killed(['delete', archive.uuid], point);
    assert.equal((await cli(node, 'imgadm', ['list', '-H'])).stdout, '');
    await destroyDataset(dataset(node.pool, 'shifted'), { recursive: true });
    const traces = await imageTraces(node);
    assert.deepEqual({ ...traces, mountpoints: traces.mountpoints.filter((name) => name !== 'shifted') }, untouched);
  });
}

test('an install that is killed while it unpacks leaves nothing and no process', async () => {
  const big = await bigArchive();
  const program = join(import.meta.dirname, '../../bin/imgadm.ts');
  const child = spawn(process.execPath, [program, 'install', '-m', big.manifest, '-f', big.file], { stdio: 'ignore', env: { ...process.env, ZONEWRIGHT_NODE: node.configPath } });
  const gone = once(child, 'exit');
  await untilUnpacking();
  child.kill('SIGKILL');
  await gone;
  await retry(async () => {
    assert.equal((await cli(node, 'imgadm', ['list'])).stderr, '');
    assert.deepEqual(withoutShifted(await imageTraces(node)), untouched);
  });
  const { stdout } = await run(['ps', '-eo', 'args']);
  assert.deepEqual(stdout.split('\n').filter((line) => line.includes(big.uuid)), []);
});

test('an install that is interrupted while it unpacks undoes itself and says so', async () => {
  const big = await bigArchive();
  const program = join(import.meta.dirname, '../../bin/imgadm.ts');
  const child = spawn(process.execPath, [program, 'install', '-m', big.manifest, '-f', big.file], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ZONEWRIGHT_NODE: node.configPath } });
  let stderr = '';
  child.stderr.on('data', (text) => (stderr += String(text)));
  const gone = once(child, 'close');
  await untilUnpacking();
  child.kill('SIGINT');
  assert.deepEqual(await gone, [130, null]);
  assert.match(stderr, /^imgadm install: error \(OperationInterrupted\): interrupted: image install was stopped before step "unpack the image file" and undone\n$/);
  assert.deepEqual(withoutShifted(await imageTraces(node)), untouched);
});

test('a journal of somebody else is left alone', async () => {
  const operation = '6f1ad0d0-9c4c-4a7e-8a67-0d9e0a4b8f11';
  const plan = { operation, verb: 'create', target: operation, afterCrash: 'undo', lock: `instance:${operation}`, steps: [{ kind: 'zone.clone', args: {} }] };
  const path = join(node.paths.journal, `${operation}.jsonl`);
  await writeFile(path, `${JSON.stringify(plan)}\n`);
  const { status, stderr } = await cli(node, 'imgadm', ['list']);
  assert.deepEqual([status, stderr], [0, '']);
  assert.deepEqual((await imageTraces(node)).journal, [`${operation}.jsonl`]);
});

/** Wait until the journal says that the archive is being unpacked, and a little into that. */
async function untilUnpacking(): Promise<void> {
  for (;;) {
    for (const name of (await readdir(node.paths.journal)).filter((one) => one.endsWith('.jsonl'))) {
      const [intent = '', ...entries] = (await readFile(join(node.paths.journal, name), 'utf8').catch(() => '')).split('\n');
      const step = /"image\.unpack"/.test(intent) ? (JSON.parse(intent) as Plan).steps.findIndex(({ kind }) => kind === 'image.unpack') : -1;
      if (entries.includes(JSON.stringify({ step, state: 'started' }))) return sleep(100).then(() => undefined);
    }
    await sleep(5);
  }
}

async function killedInstall(image: () => ImageFiles, point: string): Promise<void> {
  await killed(['install', '-m', image().manifest, '-f', image().file], point);
  const { stdout, stderr, status } = await cli(node, 'imgadm', ['list']);
  assert.deepEqual({ stdout, stderr, status }, { stdout: '', stderr: '', status: 0 });
  assert.deepEqual(await imageTraces(node), untouched);
}

async function killed(args: readonly string[], point: string): Promise<void> {
  const { signal } = await cli(node, 'imgadm', args, { environment: { ZONEWRIGHT_CRASH_AT: point } });
  assert.equal(signal, 'SIGKILL');
}

async function zfsImage(): Promise<ImageFiles> {
  const source = dataset(node.pool, 'source');
  await createDataset(source, { canmount: 'noauto' });
  await whileMounted(node, source, (directory) => mkdir(join(directory, 'root')));
  await snapshotDataset(source, 'any');
  const file = join(process.env['ZONEWRIGHT_SANDBOX'] ?? '', 'image.zfs');
  await run(['zfs', 'send', `${source}@any`], { stdoutTo: createWriteStream(file) });
  await destroyDataset(source, { recursive: true });
  return { file, ...(await manifestFor(file, `${file}.imgmanifest`)) };
}

async function bigArchive(): Promise<ImageFiles> {
  const content = 'x'.repeat(1024 * 1024);
  return imageFiles(await tarOf(Array.from({ length: 200 }, (_, index) => ({ name: `f${index}`, content }))));
}

function withoutShifted(traces: ImageTraces): ImageTraces {
  return { ...traces, mountpoints: traces.mountpoints.filter((name) => name !== 'shifted') };
}

/** Programs of a killed install hold its lock until they have noticed; recovery waits for the next call then. */
async function retry(attempt: () => Promise<void>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === 50) throw error;
      await sleep(100);
    }
  }
}
