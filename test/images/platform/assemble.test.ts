import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../../../host/run/run.ts';
import { publicKeyFrom } from '../../../host/signature/keys.ts';
import { verifyPlatformFiles } from '../../../host/signature/platform.ts';
import { assemble } from '../../../images/platform/assemble.ts';
import { mediumMenu } from '../../../images/platform/media.ts';
import { publicPem } from '../../../images/platform/signing-key.ts';

/** An image of parts that are a few bytes each, put together as the real one is. */
const STAMP = '20261121T154200Z';
const { privateKey: key } = generateKeyPairSync('ed25519');
const trusted = publicKeyFrom(publicPem(key), 'test.pem');

let scratch: string;
let directory: string;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'zonewright-platform-parts-'));
  const parts = await fakeParts();
  const extra = join(scratch, 'extra');
  await mkdir(join(extra, 'usr/lib'), { recursive: true });
  await writeFile(join(extra, 'usr/lib/a file'), 'broken on purpose', { mode: 0o755 });
  directory = await assemble(join(scratch, 'out'), { ...parts, stamp: STAMP, key, extra, media: true });
});
after(() => rm(scratch, { recursive: true, force: true }));

test('an image is whole: signed, and with sums that sha256sum checks', async () => {
  assert.deepEqual((await readdir(directory)).sort(), ['initramfs', 'manifest.json', 'manifest.json.sig', 'packages.txt', `platform-${STAMP}.tar`, 'sha256sums', 'vmlinuz', `zonewright-${STAMP}.iso`]);
  const { manifest } = await verifyPlatformFiles(directory, [trusted]);
  assert.deepEqual([manifest.version, manifest.kernel, manifest.zfs], [STAMP, '6.12.1-amd64', '2.3.9-1']);
  const { stdout } = await run(['sha256sum', '--check', '--strict', 'sha256sums'], { cwd: directory });
  assert.equal(stdout.match(/: OK$/gm)?.length, 7);
});

test('nothing else stays where it was put together', async () => {
  assert.deepEqual(await readdir(join(scratch, 'out')), [`platform-${STAMP}`]);
});

test('the initramfs begins with what can say that the rest is missing, and ends with what tells versions apart', async () => {
  const names = await archiveNames();
  const order = ['init', 'bin/busybox', 'modules/loop.ko', 'platform.squashfs', 'zonewright.squashfs', 'own/etc/zonewright-platform'].map((name) => names.indexOf(name));
  assert.ok(!order.includes(-1) && order.every((place, index) => index === 0 || place > (order[index - 1] ?? 0)), names.join(' '));
  assert.equal(names.at(-1), 'end');
  assert.ok(names.includes('boot-modules'), 'boot loaders add files, not the directory that they lie in');
});

test('it knows size and sum of its parts, its own version, and the key that the next one is signed by', async () => {
  const tree = await unpacked();
  const sums = await readFile(join(tree, 'sums'), 'utf8');
  assert.match(sums, /^platform\.squashfs 11 [0-9a-f]{64}\nzonewright\.squashfs 8 [0-9a-f]{64}\n$/);
  assert.deepEqual(JSON.parse(await readFile(join(tree, 'own/etc/zonewright-platform'), 'utf8')), { version: STAMP });
  assert.equal(await readFile(join(tree, 'own/usr/lib/zonewright/keys/platform.pem'), 'utf8'), publicPem(key));
  assert.match(await readFile(join(tree, 'own/etc/issue'), 'utf8'), new RegExp(STAMP));
  assert.equal(await readFile(join(tree, 'own/usr/lib/a file'), 'utf8'), 'broken on purpose');
});

test('the tar holds the image in a directory of its own, and nothing else', async () => {
  const { stdout } = await run(['tar', '--list', '--verbose', '--numeric-owner', '--file', join(directory, `platform-${STAMP}.tar`)]);
  const names = stdout.trim().split('\n').map((line) => line.split(' ').at(-1));
  assert.deepEqual(names, ['', ...['initramfs', 'manifest.json', 'manifest.json.sig', 'packages.txt', 'sha256sums', 'vmlinuz']].map((name) => `platform-${STAMP}/${name}`));
  for (const line of stdout.trim().split('\n')) assert.match(line, /^[-d]rw[-x]r-[-x]r-[-x] 0\/0 /);
});

test('the ISO holds the image, its label says so, and BIOS and UEFI find something to boot on it, as a CD and as a disk', async () => {
  const iso = join(directory, `zonewright-${STAMP}.iso`);
  const copy = join(scratch, 'from-iso');
  await run(['xorriso', '-osirrox', 'on', '-indev', iso, '-extract', `/platform-${STAMP}`, copy]);
  await verifyPlatformFiles(copy, [trusted]);
  const { stdout, stderr } = await run(['xorriso', '-indev', iso, '-report_el_torito', 'plain', '-report_system_area', 'plain']);
  assert.match(stderr, new RegExp(`^Volume id +: 'ZONEWRIGHT_${STAMP}'$`, 'm'));
  assert.match(stdout, /^El Torito boot img .* BIOS +y /m);
  assert.match(stdout, /^El Torito boot img .* UEFI +y /m);
  assert.match(stdout, /^System area summary: MBR .*grub2-mbr.* GPT/m);
});

test('the menu of a medium boots its own files, names both consoles, and takes nothing but a stamp', () => {
  const menu = mediumMenu(STAMP);
  assert.equal(menu.match(/^menuentry /gm)?.length, 2);
  for (const line of menu.match(/^ {2}linux .*$/gm) ?? []) assert.match(line, new RegExp(`^ {2}linux /platform-${STAMP}/vmlinuz console=tty0 console=ttyS0,115200 panic=10( noimport=true)?$`));
  for (const hostile of ['', "'", `${STAMP}\n`, `${STAMP};reboot`, '$(x)', '../x', '20261121T154200']) assert.throws(() => mediumMenu(hostile), /not a stamp/);
});

async function fakeParts(): Promise<Pick<Parameters<typeof assemble>[1], 'debian' | 'root' | 'layer'>> {
  const make = async (name: string, files: Readonly<Record<string, string>>): Promise<{ directory: string; key: string }> => {
    const part = join(scratch, name);
    for (const [path, text] of Object.entries(files)) {
      await mkdir(join(part, path, '..'), { recursive: true });
      await writeFile(join(part, path), text);
    }
    return { directory: part, key: name };
  };
  const debian = await make('debian', { 'packages.txt': 'zfsutils-linux 2.3.9-1 amd64\n', 'boot/vmlinuz-6.12.1-amd64': '' });
  await run(['tar', '--create', '--file', 'root.tar', './boot'], { cwd: debian.directory });
  const root = await make('root', { vmlinuz: 'a kernel', 'platform.squashfs': 'many things', 'early/busybox': 'busybox', 'early/modules/loop.ko': 'loop' });
  return { debian, root, layer: await make('layer', { 'zonewright.squashfs': 'our code' }) };
}

/** Of both archives that the initramfs is made of. */
async function archiveNames(): Promise<string[]> {
  return (await listing()).split('\n').filter((name) => name !== '');
}

async function listing(): Promise<string> {
  const [first, second] = await archives();
  return (await Promise.all([first, second].map((input) => run(['cpio', '--quiet', '--list'], { input: input ?? '' })))).map(({ stdout }) => stdout).join('');
}

async function unpacked(): Promise<string> {
  const tree = await mkdtemp(join(scratch, 'tree-'));
  for (const input of await archives()) await run(['cpio', '--quiet', '--extract', '--make-directories'], { input, cwd: tree });
  return tree;
}

async function archives(): Promise<Buffer[]> {
  const all = await readFile(join(directory, 'initramfs'));
  // Each archive ends with zeros up to a multiple of 512 bytes after this name.
  const end = Math.ceil((all.indexOf('TRAILER!!!') + 1) / 512) * 512;
  return [all.subarray(0, end), all.subarray(end)];
}
