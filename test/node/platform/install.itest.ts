import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { chmod, cp, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { pack } from 'tar-stream';
import { run } from '../../../host/run/run.ts';
import { installPlatform } from '../../../node/platform/install.ts';
import { openPlatformHost, type PlatformHost } from '../../../node/platform/platform-host.ts';
import { installedStamps, platformDirectory } from '../../../node/platform/store.ts';
import { cli } from '../../support/cli.ts';
import { damage, isoOf, newSigningKey, scratchDirectory, smallPlatform, stamp, tarOf, type SigningKey } from '../../support/platform-image.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';

let node: ScratchNode;
let host: PlatformHost;
let key: SigningKey;
let directory: string;
let server: Server;
/** What the server does with a request before it answers. */
let disturb: (path: string, served: number) => 'cut' | 'answer' | 'refuse';
let served: number;

before(async () => {
  node = await scratchNode({ megabytes: 1024 });
  directory = await scratchDirectory();
  key = newSigningKey();
  await writeFile(join(directory, 'key.pem'), key.publicPem);
  assert.equal((await cli(node, 'zonewright', ['platform', 'key', 'add', join(directory, 'key.pem')])).status, 0);
  host = await openPlatformHost();
  server = createServer((request, response) => void serve(request.url ?? '', request.headers.range, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(async () => {
  server.close();
  server.closeAllConnections();
  await node.remove();
  await rm(directory, { recursive: true, force: true });
});

async function serve(url: string, range: string | undefined, response: ServerResponse): Promise<void> {
  const how = disturb(url, served++);
  const size = how === 'refuse' ? undefined : (await stat(join(directory, url)).catch(() => undefined))?.size;
  if (size === undefined) return void response.writeHead(404).end();
  const start = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0);
  response.writeHead(start > 0 ? 206 : 200, { etag: '"one"', 'content-length': size - start, ...(start > 0 && { 'content-range': `bytes ${start}-${size - 1}/${size}` }) });
  const content = createReadStream(join(directory, url), { start });
  if (how === 'answer') return void content.pipe(response);
  const first = (await content.take(1).toArray()) as Buffer[];
  response.write(first[0]?.subarray(0, 20_000), () => response.destroy());
}

function url(path: string): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/${path}`;
}

function install(from: string, signal = new AbortController().signal) {
  served = 0;
  return installPlatform(host, { from, signal, say: () => undefined });
}

/** Everything below the pool's `boot` but what is installed under its own name. */
async function leftOvers(): Promise<string[]> {
  const names = await readdir(join(node.mountpoint, 'boot'));
  return names.filter((name) => !/^platform-\d{8}T\d{6}Z$/.test(name) && isOurs(name));
}

/** zfs-fuse syncs a directory by a file of that name. */
function isOurs(name: string): boolean {
  return name !== '.sync';
}

const SOURCES: ReadonlyArray<readonly [what: string, day: number, from: (place: string) => Promise<string>]> = [
  ['a directory', 1, async (place) => place],
  ['a tar', 2, tarOf],
  ['an ISO', 3, isoOf],
  ['a URL of a directory', 4, async (place) => url(place.slice(directory.length + 1))],
  ['a URL of a tar', 5, async (place) => url((await tarOf(place)).slice(directory.length + 1))],
  ['a URL of an ISO', 6, async (place) => url((await isoOf(place)).slice(directory.length + 1))],
];

for (const [what, day, from] of SOURCES) {
  test(`an image is installed from ${what}, whole and readable by root alone`, async () => {
    disturb = () => 'answer';
    const place = await smallPlatform(directory, stamp(day), key);
    assert.deepEqual(await install(await from(place)), { stamp: stamp(day), present: false });
    const installed = platformDirectory(node, stamp(day));
    assert.deepEqual((await readdir(installed)).filter(isOurs).sort(), ['initramfs', 'manifest.json', 'manifest.json.sig', 'packages.txt', 'vmlinuz']);
    for (const name of (await readdir(installed)).filter(isOurs)) assert.deepEqual(await readFile(join(installed, name)), await readFile(join(place, name)));
    assert.equal((await stat(join(installed, '..'))).mode & 0o777, 0o700);
    assert.deepEqual(await leftOvers(), []);
  });
}

test('a second time it is there already', async () => {
  assert.deepEqual(await install(join(directory, `platform-${stamp(1)}`)), { stamp: stamp(1), present: true });
});

test('an installed image that was damaged is replaced', async () => {
  await damage(join(platformDirectory(node, stamp(1)), 'initramfs'));
  assert.deepEqual(await install(join(directory, `platform-${stamp(1)}`)), { stamp: stamp(1), present: false });
});

test('a download whose line breaks again and again goes on where it was', async () => {
  const place = await smallPlatform(directory, stamp(7), key);
  disturb = (path) => (path.endsWith('initramfs') && served <= 6 ? 'cut' : 'answer');
  assert.deepEqual(await install(url(place.slice(directory.length + 1))), { stamp: stamp(7), present: false });
});

/** [what is wrong, what is done to the image, the code] */
const DAMAGES: ReadonlyArray<readonly [string, (place: string) => Promise<unknown>, string]> = [
  ['a changed initramfs', (place) => damage(join(place, 'initramfs')), 'PlatformFileDamaged'],
  ['a cut initramfs', (place) => truncate(join(place, 'initramfs'), 1000), 'PlatformFileDamaged'],
  ['a longer initramfs', (place) => truncate(join(place, 'initramfs'), 200_000), 'PlatformFileDamaged'],
  ['no initramfs', (place) => rm(join(place, 'initramfs')), 'PlatformFileMissing'],
  ['a changed manifest', (place) => damage(join(place, 'manifest.json')), 'PlatformSignatureInvalid'],
  ['a changed signature', async (place) => writeFile(join(place, 'manifest.json.sig'), Buffer.alloc(64)), 'PlatformSignatureInvalid'],
  ['no signature', (place) => rm(join(place, 'manifest.json.sig')), 'PlatformUnsigned'],
];

for (const [what, spoil, code] of DAMAGES) {
  for (const [kind, from] of [['a directory', async (place: string) => place], ['a tar', tarOf], ['an ISO', isoOf]] as const) {
    test(`from ${kind}, an image with ${what} is refused, and nothing of it stays`, async () => {
      const place = await smallPlatform(join(directory, crypto.randomUUID()), stamp(20), key);
      await spoil(place);
      await assert.rejects(install(await from(place)), { code });
      assert.ok(!(await installedStamps(node)).includes(stamp(20)));
      assert.deepEqual(await leftOvers(), []);
    });
  }
}

test('an image that somebody else signed is refused until their key is trusted, and again after it is removed', async () => {
  const other = newSigningKey();
  const place = await smallPlatform(join(directory, 'other'), stamp(8), other);
  await assert.rejects(install(place), { code: 'PlatformSignatureInvalid' });
  await writeFile(join(directory, 'other.pem'), other.publicPem);
  const { stdout } = await cli(node, 'zonewright', ['platform', 'key', 'add', join(directory, 'other.pem')]);
  assert.deepEqual(await install(place), { stamp: stamp(8), present: false });
  assert.equal((await cli(node, 'zonewright', ['platform', 'key', 'remove', stdout.split(' ')[0] ?? ''])).status, 0);
  await assert.rejects(install(place), { code: 'PlatformSignatureInvalid' });
});

/** Entries of a tar that no image has. */
const HOSTILE = [
  { name: '../escaped' },
  { name: '/etc/escaped' },
  { name: `platform-${stamp(9)}/../../escaped` },
  { name: 'a/b/c' },
  { name: '.hidden' },
  { name: 'vmlinuz', type: 'symlink', linkname: '/etc/passwd' },
  { name: 'vmlinuz', type: 'link', linkname: '/etc/passwd' },
  { name: 'vmlinuz', type: 'character-device' },
  { name: 'directory', type: 'directory' },
] as const;

for (const header of HOSTILE) {
  test(`a tar that holds ${header.name}, a ${'type' in header ? header.type : 'file'}, is refused`, async () => {
    const packer = pack();
    packer.entry({ ...header, size: undefined, ...(!('type' in header) && { size: 4 }) } as never, 'type' in header ? undefined : ('evil' as never));
    packer.finalize();
    const path = join(directory, `${crypto.randomUUID()}.tar`);
    await writeFile(path, Buffer.concat(await Readable.from(packer as AsyncIterable<Buffer>).toArray()));
    await assert.rejects(install(path), { code: 'PlatformArchiveUnsafe' });
    assert.deepEqual(await leftOvers(), []);
  });
}

test('a tar that holds a file twice, and one that is cut off, are refused', async () => {
  const tar = await tarOf(await smallPlatform(join(directory, 'twice'), stamp(9), key));
  await run(['tar', '--append', '--file', tar, '--directory', join(directory, 'twice'), '--', `platform-${stamp(9)}`]);
  await assert.rejects(install(tar), { code: 'PlatformArchiveUnsafe' });
  await truncate(tar, 50_000);
  await assert.rejects(install(tar), { code: 'PlatformArchiveUnsafe' });
  assert.deepEqual(await leftOvers(), []);
});

test('a file that is a link in a directory is not followed', async () => {
  const place = await smallPlatform(join(directory, 'link'), stamp(9), key);
  await cp(join(place, 'initramfs'), join(directory, 'initramfs'));
  await rm(join(place, 'initramfs'));
  await run(['ln', '-s', join(directory, 'initramfs'), join(place, 'initramfs')]);
  await assert.rejects(install(place), { code: 'PlatformFileMissing' });
});

for (const from of ['/nonexistent', '/dev/null', '20261121', 'ftp://127.0.0.1/x.tar']) {
  test(`nothing can be installed from ${from}`, async () => {
    await assert.rejects(install(from), { code: 'PlatformSourceUnknown' });
  });
}

test('an image that does not fit is refused before it is fetched', async () => {
  const place = await smallPlatform(join(directory, 'big'), stamp(10), key, 10_000);
  const manifest = JSON.parse(await readFile(join(place, 'manifest.json'), 'utf8')) as { files: Record<string, { size: number }> };
  manifest.files['initramfs'] = { ...manifest.files['initramfs'], size: 5e9 } as never;
  const { signManifest } = await import('../../../host/signature/platform.ts');
  const bytes = Buffer.from(JSON.stringify(manifest));
  await writeFile(join(place, 'manifest.json'), bytes);
  await writeFile(join(place, 'manifest.json.sig'), signManifest(bytes, key.privateKey));
  await assert.rejects(install(place), { code: 'PlatformSpace' });
});

test('two installs of one image at once: one brings it, the other finds it', async () => {
  const place = await smallPlatform(directory, stamp(11), key);
  const results = await Promise.all([install(place), install(place)]);
  assert.deepEqual(results.map(({ present }) => present).sort(), [false, true]);
});

test('Ctrl-C at any step of an install leaves nothing', async () => {
  const place = await smallPlatform(directory, stamp(12), key);
  let steps = 0;
  await installPlatform(host, { from: place, signal: new AbortController().signal, say: () => void steps++ });
  await cli(node, 'zonewright', ['platform', 'remove', stamp(12)]);
  assert.ok(steps >= 3);
  for (let at = 0; at < steps; at++) {
    const interrupt = new AbortController();
    let seen = 0;
    const say = (): void => (seen++ === at ? interrupt.abort() : undefined);
    await assert.rejects(installPlatform(host, { from: place, signal: interrupt.signal, say }), `step ${at}`);
    assert.ok(!(await installedStamps(node)).includes(stamp(12)), `step ${at}`);
    assert.deepEqual(await leftOvers(), []);
  }
});

test('a command that is killed leaves nothing that the next one does not remove', async () => {
  await mkdir(join(directory, 'slow'));
  const fifo = join(directory, 'slow', 'pipe.tar');
  await run(['mkfifo', fifo]);
  const place = await smallPlatform(join(directory, 'kill'), stamp(13), key);
  disturb = (path) => (path.endsWith('initramfs') ? 'cut' : 'answer');
  const child = spawn(join(import.meta.dirname, '../../../bin/zonewright'), ['platform', 'install', url(place.slice(directory.length + 1))], { env: { ...process.env, ZONEWRIGHT_NODE: node.configPath }, stdio: ['ignore', 'ignore', 'pipe'] });
  for await (const line of child.stderr) if (String(line).includes('initramfs')) break;
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.notDeepEqual(await leftOvers(), []);
  disturb = () => 'answer';
  await install(place);
  assert.deepEqual(await leftOvers(), []);
});

test('images are listed, and removed', async () => {
  const { stdout } = await cli(node, 'piadm', ['list', '-H']);
  assert.match(stdout, new RegExp(`^${stamp(1)} +${node.pool}/boot +none +no +no$`, 'm'));
  const answer = await cli(node, 'piadm', ['destroy', stamp(1), node.pool]);
  assert.deepEqual([answer.status, answer.stdout], [0, '']);
  assert.doesNotMatch((await cli(node, 'zonewright', ['platform', 'list'])).stdout, new RegExp(stamp(1)));
  assert.deepEqual(await leftOvers(), []);
});

test('a server that has images is asked what there is, and gives the newest', async () => {
  await mkdir(join(directory, 'os', stamp(14), 'platform'), { recursive: true });
  await writeFile(join(directory, 'os/index.json'), JSON.stringify({ platforms: [stamp(2), stamp(14), 'rubbish'] }));
  await cp(await smallPlatform(join(directory, 'served'), stamp(14), key), join(directory, 'os', stamp(14), 'platform/x86_64'), { recursive: true });
  await chmod(join(directory, 'os'), 0o755);
  disturb = () => 'answer';
  assert.equal((await cli(node, 'zonewright', ['platform', 'avail', '--source', url('os')])).stdout, `${stamp(2)}\n${stamp(14)}\n`);
  const { status, stdout, stderr } = await cli(node, 'zonewright', ['platform', 'install', 'latest', '--source', url('os')]);
  assert.deepEqual([status, stdout], [0, `${stamp(14)} is installed\n`], stderr);
});
