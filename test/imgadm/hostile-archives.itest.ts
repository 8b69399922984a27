import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { lstat, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { dataset } from '../../host/config/units.ts';
import { run } from '../../host/run/run.ts';
import { setProperties } from '../../host/zfs/zfs.ts';
import type { InstallOptions } from '../../imgadm/store/install.ts';
import { installImage } from '../../imgadm/store/install.ts';
import { deleteInstalled } from '../../imgadm/store/delete.ts';
import { whileMounted } from '../../imgadm/store/mount.ts';
import { imageFiles, manifestFor, rawHeader, tarOf, type TestEntry } from '../support/archives.ts';
import { imageTraces, type ImageTraces } from '../support/image-traces.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';

let node: ScratchNode;
let untouched: ImageTraces;

before(async () => {
  node = await scratchNode({ megabytes: 1024 });
  untouched = await imageTraces(node);
});
after(() => node.remove());

const body = (text: string): Buffer => Buffer.concat([Buffer.from(text), Buffer.alloc((512 - (text.length % 512)) % 512)]);

/** A pax header that says something else about the entry that follows. */
const pax = (record: string): Buffer => {
  const line = ((text: string) => `${text.length + String(text.length + 3).length + 1} ${text}`)(`${record}\n`);
  return Buffer.concat([rawHeader({ name: 'PaxHeader', type: 'x', size: line.length }), body(line)]);
};

interface Case {
  readonly what: string;
  readonly entries: readonly TestEntry[];
  readonly code: string;
  readonly message: RegExp;
  readonly options?: Partial<InstallOptions>;
}

const HOSTILE: readonly Case[] = [
  { what: 'an absolute name', entries: [{ name: '/etc/evil', content: 'x' }], code: 'UnsafeArchive', message: /"\/etc\/evil".*absolute/ },
  { what: 'a name that goes up', entries: [{ raw: rawHeader({ name: '../../evil', type: '0' }) }], code: 'UnsafeArchive', message: /"\.\.\/\.\.\/evil".*goes up/ },
  { what: 'a pax path that goes up', entries: [{ raw: Buffer.concat([pax('path=../evil'), rawHeader({ name: 'good', type: '0' })]) }], code: 'UnsafeArchive', message: /"\.\.\/evil"/ },
  { what: 'a GNU long name that is absolute', entries: [{ raw: Buffer.concat([rawHeader({ name: '././@LongLink', type: 'L', size: 10 }), body('/etc/evil\0'), rawHeader({ name: 'good', type: '0' })]) }], code: 'UnsafeArchive', message: /"\/etc\/evil"/ },
  { what: 'a hard link out', entries: [{ name: 'x', type: 'link', linkname: '/etc/shadow' }], code: 'UnsafeArchive', message: /"x".*absolute/ },
  { what: 'writing through a symbolic link', entries: [{ name: 'd', type: 'symlink', linkname: '/etc' }, { name: 'd/evil', content: 'x' }], code: 'UnsafeArchive', message: /"d\/evil".*through the symbolic link/ },
  { what: 'a symbolic link that climbs out', entries: [{ name: 'd', type: 'symlink', linkname: '../../etc' }], code: 'UnsafeArchive', message: /"d".*climbs/ },
  { what: 'a symbolic link in place of the root', entries: [{ name: './', type: 'symlink', linkname: '/' }], code: 'UnsafeArchive', message: /root is not a directory/ },
  { what: 'a device node', entries: [{ raw: rawHeader({ name: 'mem', type: '3' }) }], code: 'UnsafeArchive', message: /"mem".*device/ },
  { what: 'a type that nobody knows', entries: [{ raw: rawHeader({ name: 'odd', type: 'S' }) }], code: 'UnsafeArchive', message: /"odd".*not supported/ },
  { what: 'a pax size that says more than there is', entries: [{ raw: Buffer.concat([pax('size=9999'), rawHeader({ name: 'lie', type: '0', size: 3 }), body('abc')]) }], code: 'ImageFileInvalid', message: /not a whole tar archive/ },
  { what: 'a pax size that is no number', entries: [{ raw: Buffer.concat([pax('size=-5'), rawHeader({ name: 'lie', type: '0', size: 3 }), body('abc')]) }], code: 'ImageFileInvalid', message: /not a whole tar archive/ },
  { what: 'a size beyond the pool', entries: [{ raw: rawHeader({ name: 'huge', type: '0', size: 0o77777777777 }) }], code: 'ImageTooBig', message: /unpacks to more than/ },
  { what: 'more bytes than allowed', entries: [{ name: 'a', content: 'x'.repeat(600) }, { name: 'b', content: 'x'.repeat(600) }], code: 'ImageTooBig', message: /more than 1000 bytes/, options: { maxBytes: 1000 } },
  { what: 'more entries than allowed', entries: [{ name: 'a' }, { name: 'b' }, { name: 'c' }], code: 'ImageTooBig', message: /more than 2 entries/, options: { maxEntries: 2 } },
  { what: 'more implied directories than allowed', entries: [{ raw: rawHeader({ name: 'a/b/c/d/e/f/g/h', type: '0' }) }], code: 'ImageTooBig', message: /more than 2 entries/, options: { maxEntries: 2 } },
];

for (const { what, entries, code, message, options } of HOSTILE) {
  test(`an archive with ${what} is refused and leaves nothing`, async () => {
    await refused(await tarOf([{ name: 'before', content: 'good' }, ...entries]), { code, message }, options);
  });
}

test('a file that is neither archive nor stream is refused', () => refused(Buffer.from('garbage'.repeat(1000)), { code: 'ImageFileInvalid', message: /neither a ZFS stream nor a tar/ }));
test('an empty file is refused', () => refused(Buffer.alloc(0), { code: 'ImageFileInvalid', message: /neither/ }));
test('a tar archive that was cut off is refused', async () => {
  const whole = await tarOf([{ name: 'a', content: 'x'.repeat(5000) }]);
  await refused(whole.subarray(0, 3000), { code: 'ImageFileInvalid', message: /not a whole tar archive/ });
});
test('a gzip file that was cut off is refused', async () => {
  const whole = gzipSync(await tarOf(Array.from({ length: 2000 }, (_, index) => ({ name: `f${index}`, content: String(Math.random()) }))));
  await refused(whole.subarray(0, whole.length / 2), { code: 'UncompressionError', message: /gzip uncompression error/ });
});
test('a gzip file of garbage is refused', () => refused(gzipSync(Buffer.from('x'.repeat(5000))), { code: 'ImageFileInvalid', message: /neither/ }));

test('a small file that holds more than the pool is refused', async () => {
  const directory = join(process.env['ZONEWRIGHT_SANDBOX'] ?? '', 'bomb');
  await run(['truncate', '-s', '2G', directory]);
  await run(['tar', '--create', '--file', `${directory}.tar.zst`, '--zstd', '--directory', join(directory, '..'), 'bomb']);
  await refusedFile(`${directory}.tar.zst`, { code: 'ImageTooBig', message: /unpacks to more than \d+ bytes/ });
});

test('a pool that is too small for the file is told with numbers before anything is made', async () => {
  await withSmallNode(async (small) => {
    const file = join(process.env['ZONEWRIGHT_SANDBOX'] ?? '', 'big.tar');
    await writeFile(file, (await tarOf([{ name: 'a', content: 'x' }])).subarray(0, 1024));
    await run(['truncate', '-s', '200M', file]);
    const { manifest } = await manifestFor(file, `${file}.manifest`);
    await assert.rejects(installImage(small, { manifestPath: manifest, filePath: file }), { code: 'InsufficientSpace', message: /200\.0 MiB and \d+\.\d MiB can be used/ });
  });
});

test('a pool that runs full midway is told and nothing is left', async () => {
  await withSmallNode(async (small) => {
    // Forty megabytes, for which the pool would have room if it did not keep everything twice.
    await setProperties(dataset(small.pool), { copies: '2' });
    const archive = await tarOf(Array.from({ length: 40 }, (_, index) => ({ name: `f${index}`, content: 'x'.repeat(1024 * 1024) })));
    const { manifest, file } = await imageFiles(archive);
    const clean = await imageTraces(small);
    await assert.rejects(installImage(small, { manifestPath: manifest, filePath: file }), { code: 'InsufficientSpace', message: /ran full while the image was unpacked/ });
    assert.deepEqual(await imageTraces(small), clean);
  });
});

test('a good archive keeps owners, modes, links and times', async () => {
  const archive = await tarOf([
    { name: './', type: 'directory', mode: 0o755 },
    { name: './bin/', type: 'directory' },
    { name: './bin/su', content: 'program', mode: 0o4755, mtime: new Date(1_000_000_000_000) },
    { name: './bin/sudo', type: 'link', linkname: './bin/su' },
    { name: './bin/vi', type: 'symlink', linkname: '/usr/bin/vim' },
    { name: './home/user/', type: 'directory', uid: 1000, gid: 1000, mode: 0o750 },
    { name: './home/user/wall', content: 'w', uid: 1000, gid: 5, mode: 0o2755 },
    { name: './home/user/far', content: 'w', uid: 1_000_600_001, gid: 0 },
    { name: './home/user/wall2', type: 'link', linkname: 'home/user/wall', uid: 0, gid: 0 },
    { name: `./${'long/'.repeat(60)}Főtanúsítvány`, content: 'ő' },
    { name: './tmp/', type: 'directory', mode: 0o1777 },
  ]);
  const notes: string[] = [];
  const { uuid, manifest, file } = await imageFiles(gzipSync(archive));
  await installImage(node, { manifestPath: manifest, filePath: file, onProgress: (progress) => progress.what === 'note' && notes.push(progress.text) });
  await whileMounted(node, dataset(node.pool, uuid), async (directory) => {
    const at = async (path: string): Promise<string> => {
      const { uid, gid, mode, nlink } = await lstat(join(directory, 'root', path));
      return `${uid}:${gid} ${(mode & 0o7777).toString(8)} ${nlink}`;
    };
    assert.equal(await at('bin/su'), '0:0 4755 2');
    assert.equal((await lstat(join(directory, 'root/bin/su'))).mtimeMs, 1_000_000_000_000);
    assert.equal(await readlink(join(directory, 'root/bin/vi')), '/usr/bin/vim');
    assert.match(await at('home/user'), /^1000:1000 750/);
    assert.equal(await at('home/user/wall'), '1000:5 2755 2');
    assert.equal(await at('home/user/far'), '65534:0 644 1');
    assert.match(await at('tmp'), /^0:0 1777/);
    assert.equal((await lstat(join(directory, 'root', `${'long/'.repeat(60)}Főtanúsítvány`))).size, 2);
  });
  assert.deepEqual(notes, ['ids above 65535 became nobody; entries that had some: 1']);
  await deleteInstalled(node, uuid);
});

for (const compression of ['none', 'gzip', 'bzip2', 'xz', 'zstd']) {
  test(`an archive compressed with ${compression} is installed, whatever its manifest says`, async () => {
    const { file } = await imageFiles(await tarOf([{ name: 'a', content: 'x' }]));
    if (compression !== 'none') await run([compression === 'zstd' ? 'zstd' : compression, '-q', file].filter((word) => !(word === '-q' && compression === 'gzip')) as [string, ...string[]]);
    const path = compression === 'none' ? file : `${file}${{ gzip: '.gz', bzip2: '.bz2', xz: '.xz', zstd: '.zst' }[compression]}`;
    const { uuid, manifest } = await manifestFor(path, `${file}.manifest`);
    assert.equal((await installImage(node, { manifestPath: manifest, filePath: path })).outcome, 'installed');
    await deleteInstalled(node, uuid);
  });
}

async function withSmallNode(work: (small: ScratchNode) => Promise<void>): Promise<void> {
  const small = await scratchNode({ megabytes: 96 });
  try {
    await work(small);
  } finally {
    await small.remove();
  }
}

interface Refusal {
  readonly code: string;
  readonly message: RegExp;
}

async function refused(content: Buffer, refusal: Refusal, options: Partial<InstallOptions> = {}): Promise<void> {
  const { file } = await imageFiles(content);
  await refusedFile(file, refusal, options);
}

async function refusedFile(file: string, { code, message }: Refusal, options: Partial<InstallOptions> = {}): Promise<void> {
  const { manifest } = await manifestFor(file, `${file}.manifest`);
  await assert.rejects(installImage(node, { manifestPath: manifest, filePath: file, ...options }), { code, message });
  assert.deepEqual(await imageTraces(node), untouched);
}
