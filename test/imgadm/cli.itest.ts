import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { dataset } from '../../host/config/units.ts';
import { run } from '../../host/run/run.ts';
import { tryLock } from '../../host/lock/lock.ts';
import { cloneDataset, createDataset, datasetExists, destroyDataset } from '../../host/zfs/zfs.ts';
import { ensureOriginFor, findImage } from '../../imgadm/index.ts';
import { imageFiles, tarOf, type ImageFiles } from '../support/archives.ts';
import { cli, type CliResult } from '../support/cli.ts';
import { imageTraces } from '../support/image-traces.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';

const MISSING = '00000000-0000-4000-8000-000000000000';

let node: ScratchNode;
let first: ImageFiles;
let second: ImageFiles;

before(async () => {
  node = await scratchNode();
  await writeFile(join(node.paths.config, 'imgadm.json'), '{"sources":[]}');
  const archive = await tarOf([{ name: 'etc/hostname', content: 'x' }]);
  first = await imageFiles(archive, { name: 'alpha', version: '2.0', published_at: '2026-01-02T03:04:05.678Z', tags: { role: 'os' }, requirements: { brand: 'lx' } });
  second = await imageFiles(archive, { name: 'beta', version: '1.0', published_at: '2025-01-02T03:04:05Z', type: 'other', os: 'other' });
});
after(() => node.remove());

const imgadm = (...args: string[]): Promise<CliResult> => cli(node, 'imgadm', args);
const fails = (result: CliResult, status: number, stderr: string): void => assert.deepEqual({ status: result.status, stdout: result.stdout, stderr: result.stderr }, { status, stdout: '', stderr: `${stderr}\n` });

test('an empty list prints nothing, and [] as JSON', async () => {
  assert.deepEqual(await imgadm('list'), { stdout: '', stderr: '', status: 0, signal: null });
  assert.equal((await imgadm('list', '-j')).stdout, '[]\n');
});

test('install says what it does, and that it has nothing to do the second time', async () => {
  const result = await imgadm('install', '-m', first.manifest, '-f', first.file);
  assert.deepEqual(result, { stdout: `Installing image ${first.uuid} (alpha@2.0)\nInstalled image ${first.uuid} (alpha@2.0)\n`, stderr: '', status: 0, signal: null });
  const again = await imgadm('install', '-q', '-m', first.manifest, '-f', first.file);
  assert.deepEqual([again.stdout, again.status], [`Image ${first.uuid} (alpha 2.0) is already installed, skipping\n`, 0]);
  assert.equal((await imgadm('install', '-m', second.manifest, '-f', second.file)).status, 0);
});

test('list pads its columns, but not the last, and sorts by date', async () => {
  const { stdout } = await imgadm('list');
  assert.equal(
    stdout,
    [
      `UUID${' '.repeat(32)}  NAME   VERSION  OS     TYPE        PUB`,
      `${second.uuid}  beta   1.0      other  other       2025-01-02`,
      `${first.uuid}  alpha  2.0      linux  lx-dataset  2026-01-02`,
      '',
    ].join('\n'),
  );
});

test('list takes fields, order, no header and filters', async () => {
  assert.equal((await imgadm('list', '-H', '-o', 'name,published,nonsense,tags', '-s', '-name')).stdout, 'beta   2025-01-02T03:04:05Z  -  -\nalpha  2026-01-02T03:04:05Z  -  {"role":"os"}\n');
  assert.equal((await imgadm('list', '-Ho', 'name', 'os=linux')).stdout, 'alpha\n');
  assert.equal((await imgadm('list', '-H', '--output=name', 'name=~bet')).stdout, 'beta\n');
  assert.equal((await imgadm('list', '-Honame', 'requirements.brand=lx', 'tags.role=os')).stdout, 'alpha\n');
  assert.equal((await imgadm('list', 'os=linux', 'name=beta')).stdout, '');
  fails(await imgadm('list', 'foo'), 1, 'imgadm list: error (Usage): invalid filter: "foo" (must be of the form "field=value")');
});

test('list -j has manifests as they are, whatever the filters', async () => {
  const [image] = JSON.parse((await imgadm('list', '-j', 'name=alpha')).stdout) as Array<Record<string, unknown>>;
  assert.deepEqual(Object.keys(image ?? {}), ['manifest', 'zpool', 'cloneNames', 'clones']);
  assert.equal((image?.['manifest'] as Record<string, unknown>)['pub'], undefined);
});

test('get shows manifest and pool, and -r snapshots and clones', async () => {
  const { stdout } = await imgadm('get', first.uuid);
  const image = JSON.parse(stdout) as { manifest: { uuid: string }; zpool: string };
  assert.deepEqual([image.manifest.uuid, image.zpool], [first.uuid, node.pool]);
  assert.equal(stdout, `${JSON.stringify(image, null, 2)}\n`);
  const { children } = JSON.parse((await imgadm('info', '-r', first.uuid)).stdout) as { children: unknown };
  assert.deepEqual(children, { snapshots: [`${node.pool}/${first.uuid}@final`], clones: [] });
  assert.equal((await imgadm('show', first.uuid)).stdout, `${JSON.stringify(image.manifest, null, 2)}\n`);
});

test('an image that is not installed is told with status 3', async () => {
  fails(await imgadm('get', MISSING), 3, `imgadm get: error (ImageNotInstalled): image "${MISSING}" was not found on zpool "${node.pool}"`);
  fails(await imgadm('get', '-P', 'tank', first.uuid), 3, `imgadm get: error (ImageNotInstalled): image "${first.uuid}" was not found on zpool "tank"`);
  fails(await imgadm('delete', MISSING), 3, `imgadm delete: error (ImageNotInstalled): image "${MISSING}" was not found on zpool "${node.pool}"`);
  fails(await imgadm('show', MISSING), 1, 'imgadm show: error (NoSources): imgadm has no configured sources');
});

test('wrong usage is told with status 1', async () => {
  fails(await imgadm('get', 'foo'), 1, 'imgadm get: error (InvalidUUID): invalid uuid: "foo"');
  fails(await imgadm('get', '../../etc/passwd'), 1, 'imgadm get: error (InvalidUUID): invalid uuid: "../../etc/passwd"');
  fails(await imgadm('get'), 1, 'imgadm get: error (Usage): missing argument: UUID');
  fails(await imgadm('list', '--bogus'), 1, 'imgadm list: error (Option): unknown option: "--bogus"');
  fails(await imgadm('--bogus'), 1, 'imgadm: error (Option): unknown option: "--bogus"');
  fails(await imgadm('bogus'), 1, 'imgadm bogus: error (UnknownCommand): unknown command: "bogus"');
  fails(await imgadm('install', '-f', 'x'), 1, 'imgadm install: error (Usage): missing option: -m MANIFEST-FILE');
  fails(await imgadm('get', '-P', '../x', MISSING), 1, 'imgadm get: error (Usage): invalid zpool name: "../x"');
});

test('what SmartOS has and this version has not is said plainly', async () => {
  fails(await imgadm('create'), 1, 'imgadm create: error (NotSupported): "imgadm create" is not supported by this version');
  const volume = await imageFiles(volumeStream(), { type: 'zvol', image_size: 10 });
  const { status, stderr } = await imgadm('install', '-m', volume.manifest, '-f', volume.file);
  assert.deepEqual([status, stderr], [1, 'imgadm install: error (NotSupported): installing the ZFS stream of a volume on zfs-fuse, which has no volumes, is not supported by this version\n']);
});

test('help goes to standard output, and without a command the status is 1', async () => {
  for (const [args, status] of [[[], 1], [['help'], 0], [['-h'], 0], [['?'], 0], [['help', 'list'], 0], [['list', '--help'], 0]] as const) {
    const result = await imgadm(...args);
    assert.deepEqual([result.status, result.stderr], [status, '']);
    assert.match(result.stdout, /Usage:\n {4}imgadm/);
  }
  assert.match((await imgadm('--version')).stdout, /^imgadm \d+\.\d+\.\d+\n$/);
});

test('-E ends with one line of JSON that has the code', async () => {
  const { stderr, status } = await imgadm('-E', 'get', MISSING);
  const record = JSON.parse(stderr) as { level: number; err: { code: string } };
  assert.deepEqual([status, record.level, record.err.code], [3, 50, 'ImageNotInstalled']);
});

test('a file that does not match its manifest is told with both values, and nothing is made', async () => {
  const before = await imageTraces(node);
  const content = await tarOf([{ name: 'a', content: 'x' }]);
  const size = await imageFiles(content, { files: [{ size: 7, compression: 'none' }] });
  const tooShort = await imgadm('install', '-m', size.manifest, '-f', size.file);
  assert.match(tooShort.stderr, /^imgadm install: error \(DownloadError\): size of ".*" does not match the manifest: expected 7, got 2048\n$/);
  const sha1 = await imageFiles(content, { files: [{ sha1: '0'.repeat(40), compression: 'none' }] });
  assert.match((await imgadm('install', '-m', sha1.manifest, '-f', sha1.file)).stderr, /DownloadError\): sha1 of ".*" does not match the manifest: expected 0{40}, got [0-9a-f]{40}\n$/);
  const sha256 = await imageFiles(content, { files: [{ sha256: '0'.repeat(64), compression: 'none' }] });
  assert.match((await imgadm('install', '-m', sha256.manifest, '-f', sha256.file)).stderr, /sha256 of ".*" does not match the manifest: expected 0{64}, got [0-9a-f]{64}\n$/);
  assert.deepEqual(await imageTraces(node), before);
});

test('a missing origin, a taken uuid, missing files and bad manifests are told', async () => {
  const content = await tarOf([{ name: 'a', content: 'x' }]);
  const orphan = await imageFiles(content, { origin: MISSING });
  const noOrigin = await imgadm('install', '-m', orphan.manifest, '-f', orphan.file);
  assert.deepEqual([noOrigin.status, noOrigin.stderr], [3, `imgadm install: error (OriginNotInstalled): origin image "${MISSING}" was not found on zpool "${node.pool}"\n`]);
  const taken = await imageFiles(content);
  await createDataset(dataset(node.pool, taken.uuid), { canmount: 'noauto' });
  const clash = await imgadm('install', '-m', taken.manifest, '-f', taken.file);
  assert.deepEqual([clash.status, clash.stderr], [1, `imgadm install: error (ImageUuidAlreadyExists): uuid "${taken.uuid}" is taken: dataset ${node.pool}/${taken.uuid} exists and is not an image\n`]);
  fails(await imgadm('delete', taken.uuid), 3, `imgadm delete: error (ImageNotInstalled): image "${taken.uuid}" was not found on zpool "${node.pool}"`);
  await destroyDataset(dataset(node.pool, taken.uuid));
  fails(await imgadm('install', '-m', '/nonexistent', '-f', taken.file), 1, 'imgadm install: error (FileSystem): cannot read /nonexistent: there is no such file');
  await writeFile(taken.manifest, '{"v":2}');
  assert.match((await imgadm('install', '-m', taken.manifest, '-f', taken.file)).stderr, /error \(ManifestValidation\): invalid manifest: uuid \(.*name \(/);
});

test('clones count also behind shifted caches, keep an image from deletion, and caches go with it', async () => {
  const image = await findImage(node, first.uuid);
  assert.ok(image);
  const origin = await ensureOriginFor(node, image, 268435456 + 65536, () => undefined);
  assert.equal((await imgadm('list', '-Ho', 'clones', 'name=alpha')).stdout, '0\n');
  const instances = ['one', 'two'].map((name) => dataset(node.pool, name));
  for (const instance of instances) await cloneDataset(origin.dataset, origin.snapshot, instance, { canmount: 'noauto' });
  assert.equal((await imgadm('list', '-Ho', 'clones', 'name=alpha')).stdout, '2\n');
  fails(await imgadm('destroy', first.uuid), 1, `imgadm destroy: error (ImageHasDependentClones): image "${first.uuid}" has dependent clones: ${node.pool}/one and 1 other...`);
  for (const instance of instances) await destroyDataset(instance);
  assert.equal((await imgadm('delete', first.uuid)).stdout, `Deleted image ${first.uuid}\n`);
  assert.equal(await datasetExists(origin.dataset), false);
  assert.equal(await findImage(node, first.uuid), undefined);
});

test('two installs of one image at once: one installs, the other finds it installed', async () => {
  const results = await Promise.all([imgadm('install', '-m', first.manifest, '-f', first.file), imgadm('install', '-m', first.manifest, '-f', first.file)]);
  assert.deepEqual(results.map(({ status, stderr }) => [status, stderr]), [[0, ''], [0, '']]);
  assert.equal(results.filter(({ stdout }) => stdout.includes('Installed image')).length, 1);
  assert.equal((await imgadm('delete', first.uuid)).status, 0);
});

test('one that waits for the lock says so', async () => {
  const lock = await tryLock({ scope: node.paths.config, name: `image:${first.uuid}` });
  const waiting = imgadm('install', '-m', first.manifest, '-f', first.file);
  setTimeout(() => void lock?.release(), 2500);
  assert.match((await waiting).stdout, new RegExp(`^Waiting for image ${first.uuid} import lock\nInstalling image`));
});

test('a damaged record is a warning for list and an error for those who need it', async () => {
  await writeFile(join(node.paths.images, `${first.uuid}.json`), '{');
  const { stdout, stderr, status } = await imgadm('list', '-j', `uuid=${first.uuid}`);
  assert.deepEqual([status, (JSON.parse(stdout) as Array<{ manifest: unknown }>)[0]?.manifest], [0, { uuid: first.uuid }]);
  assert.match(stderr, /record .*\.json/);
  await assert.rejects(findImage(node, first.uuid), { code: 'InvalidManifest' });
});

test('who is not root is told with status 2', async () => {
  const argv = ['--reuid=65534', '--clear-groups', process.execPath, join(import.meta.dirname, '../../bin/imgadm.ts')] as const;
  const { exitCode, stderr } = await run(['setpriv', ...argv, 'list'], { acceptExitCodes: [2] });
  assert.deepEqual([exitCode, stderr], [2, 'imgadm: error: cannot run: you are not root\n']);
  assert.equal((await run(['setpriv', ...argv, '--version'])).exitCode, 0);
});

test('a reader that goes away early is no failure', async () => {
  const child = spawn('bash', ['-c', 'exec 3>&1; { "$0" "$1" list -j; echo $? >&3; } | true', process.execPath, join(import.meta.dirname, '../../bin/imgadm.ts')], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { status: '', stderr: '' };
  child.stdout.on('data', (data) => (output.status += String(data)));
  child.stderr.on('data', (data) => (output.stderr += String(data)));
  await once(child, 'close');
  assert.doesNotMatch(output.stderr, /EPIPE|Error/);
  assert.equal(output.status.trim(), '0');
});

/** What the stream of a volume begins with. */
function volumeStream(): Buffer {
  const record = Buffer.alloc(512);
  record.writeBigUInt64LE(0x2f5bacbacn, 8);
  record.writeBigUInt64LE(1n, 16);
  record.writeUInt32LE(3, 32);
  return record;
}
