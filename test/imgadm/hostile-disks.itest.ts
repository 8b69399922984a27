import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../../host/run/run.ts';
import { deleteInstalled } from '../../imgadm/store/delete.ts';
import { installImage } from '../../imgadm/store/install.ts';
import { manifestFor } from '../support/archives.ts';
import { bigEndian, compressed, cutOff, diskDirectory, noise, patched, qcow2Of, rawDisk } from '../support/disks.ts';
import { imageTraces, type ImageTraces } from '../support/image-traces.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';

let node: ScratchNode;
let untouched: ImageTraces;

before(async () => {
  node = await scratchNode({ megabytes: 1024 });
  const file = await rawDisk(1);
  const { uuid, manifest } = await manifestFor(file, `${file}.imgmanifest`, { type: 'zvol' });
  await installImage(node, { manifestPath: manifest, filePath: file });
  await deleteInstalled(node, uuid);
  untouched = await imageTraces(node);
});
after(() => node.remove());

interface Case {
  readonly what: string;
  readonly make: () => Promise<string>;
  readonly manifest?: Readonly<Record<string, unknown>>;
  readonly code: string;
  readonly message: RegExp;
}

/** Places in the header of a qcow2 image. */
const AT = { version: 4, backing: 8, backingLength: 16, clusterBits: 20, size: 24, crypt: 32, l1Size: 36, l1: 40, refcounts: 48, features: 72 } as const;

const qcow2 = async (): Promise<string> => qcow2Of(await rawDisk(2));
const with4 = (at: number, value: number) => async (): Promise<string> => patched(await qcow2(), at, bigEndian(value, 4));
const with8 = (at: number, value: bigint) => async (): Promise<string> => patched(await qcow2(), at, bigEndian(value, 8));
const invalid = (message: RegExp): { code: string; message: RegExp } => ({ code: 'ImageFileInvalid', message });

const HOSTILE: readonly Case[] = [
  { what: 'a backing file that qemu-img wrote', make: onBackingFile, ...invalid(/refused: it has a backing file/) },
  { what: 'a backing file that was patched in', make: backedByPasswords, ...invalid(/refused: it has a backing file/) },
  { what: 'a backing file whose name has no place', make: with4(AT.backingLength, 11), ...invalid(/refused: it has a backing file/) },
  { what: 'an external data file', make: onDataFile, ...invalid(/refused: it has the feature "external data file"/) },
  { what: 'an external data file that was patched in', make: with8(AT.features, 4n), ...invalid(/refused: it has the feature "external data file"/) },
  { what: 'encryption', make: encrypted, ...invalid(/refused: it is encrypted/) },
  { what: 'encryption with LUKS', make: with4(AT.crypt, 2), ...invalid(/refused: it is encrypted/) },
  { what: 'the mark that it is corrupt', make: with8(AT.features, 2n), ...invalid(/refused: it has the feature "corrupt"/) },
  { what: 'a feature that nobody knows', make: with8(AT.features, 1n << 40n), ...invalid(/refused: it needs feature 40, which nobody knows/) },
  { what: 'a version of the future', make: with4(AT.version, 4), ...invalid(/refused: its version is 4/) },
  { what: 'clusters of 2 GiB', make: with4(AT.clusterBits, 31), ...invalid(/refused: its clusters have 2\^31 bytes/) },
  { what: 'a first table of gigabytes', make: with4(AT.l1Size, 0x7fffffff), ...invalid(/refused: its first table has 2147483647 entries/) },
  { what: 'a first table beyond the end of the file', make: with8(AT.l1, 0x7fff_ffff_0000n), ...invalid(/refused: its first table ends at byte \d+ of a file that has \d+/) },
  { what: 'a first table that begins nowhere', make: with8(AT.l1, 0x1001n), ...invalid(/qemu-img cannot (read|convert) it/) },
  { what: 'garbage for its first table', make: garbledTables, ...invalid(/qemu-img cannot (read|convert) it|its tables are damaged/) },
  { what: 'no bytes', make: with8(AT.size, 0n), ...invalid(/refused: its disk has no bytes/) },
  { what: 'a virtual size of exabytes', make: with8(AT.size, 1n << 60n), code: 'ImageTooBig', message: /its disk has 1152921504606846976 bytes/ },
  { what: 'a virtual size beyond the pool', make: with8(AT.size, 1n << 40n), code: 'ImageTooBig', message: /its disk has 1048576 MiB, and all of zpool ".*" has \d+/ },
  { what: 'a virtual size beyond its manifest', make: qcow2, manifest: { image_size: 1 }, ...invalid(/manifest says image_size 1 \(MiB\), and the disk has 2/) },
  { what: 'a virtual size that its tables do not cover', make: with8(AT.size, 900n << 20n), ...invalid(/qemu-img cannot (read|convert) it/) },
  { what: 'nothing after its header', make: async () => headOf(await qcow2(), 200), ...invalid(/refused: its first table ends at byte \d+ of a file that has 200$/) },
  { what: 'less than a header', make: async () => headOf(await qcow2(), 60), ...invalid(/refused: its header is cut off/) },
  { what: 'an end that is missing', make: async () => cutOff(await qcow2()), ...invalid(/qemu-img cannot (read|convert) it|refused: its (first table|table of references|tables)/) },
];

for (const { what, make, manifest, code, message } of HOSTILE) {
  test(`a qcow2 disk with ${what} is refused and leaves nothing`, async () => refused(await make(), manifest, { code, message }));
}

const LIES: readonly Case[] = [
  { what: 'raw disk smaller than its manifest says', make: () => rawDisk(2), manifest: { image_size: 3 }, ...invalid(/image_size 3 \(MiB\), and the disk has 2$/) },
  { what: 'raw disk larger than its manifest says', make: () => rawDisk(2), manifest: { image_size: 1 }, ...invalid(/image_size 1 \(MiB\), and the disk has 2$/) },
  { what: 'compressed disk smaller than its manifest says', make: async () => compressed(await rawDisk(2), 'zstd'), manifest: { image_size: 3 }, ...invalid(/image_size 3 \(MiB\), and the disk has 2$/) },
  { what: 'compressed disk larger than its manifest says', make: async () => compressed(await rawDisk(2), 'zstd'), manifest: { image_size: 1 }, ...invalid(/image_size 1 \(MiB\), and the disk has more than 1$/) },
  { what: 'manifest with a disk beyond the pool', make: async () => compressed(await rawDisk(2), 'zstd'), manifest: { image_size: 1_000_000 }, code: 'ImageTooBig', message: /its disk has 1000000 MiB/ },
  { what: 'small file that holds a disk beyond the pool', make: bomb, code: 'ImageTooBig', message: /its disk has more than \d+ MiB, and the pool is no larger/ },
  { what: 'compressed raw disk that was cut off', make: async () => cutOff(await compressed(await noisyDisk(), 'zstd')), manifest: { image_size: 2 }, code: 'UncompressionError', message: /zstd uncompression error/ },
  { what: 'compressed qcow2 disk that was cut off', make: async () => cutOff(await compressed(await qcow2Of(await noisyDisk()), 'xz')), code: 'UncompressionError', message: /xz uncompression error/ },
  { what: 'file of nothing', make: async () => written(Buffer.alloc(0)), ...invalid(/it is empty/) },
  { what: 'compressed file of nothing', make: async () => written(gzipSync(Buffer.alloc(0))), ...invalid(/its disk is empty/) },
  { what: 'VMDK disk', make: async () => written(Buffer.concat([Buffer.from('KDMV'), noise(4000, 1)])), ...invalid(/it is a VMDK disk, and only raw and qcow2 are known/) },
  { what: 'disk with an origin', make: () => rawDisk(1), manifest: { origin: '5d2c9a54-7b1e-4f7c-8a3d-2b6f1e0c9d84' }, code: 'OriginNotInstalled', message: /5d2c9a54/ },
  { what: 'qcow2 disk that calls itself a zone', make: qcow2, manifest: { type: 'lx-dataset' }, ...invalid(/it is a qcow2 disk, and an image of type "lx-dataset" needs a root file system/) },
  { what: 'disk with a wrong checksum', make: () => rawDisk(1), manifest: { files: [{ sha1: 'a'.repeat(40), compression: 'none' }] }, code: 'DownloadError', message: /sha1 of .* expected a{40}, got [0-9a-f]{40}/ },
  { what: 'disk with a wrong size', make: () => rawDisk(1), manifest: { files: [{ size: 7, compression: 'none' }] }, code: 'DownloadError', message: /size of .* expected 7, got 1048576/ },
];

for (const { what, make, manifest, code, message } of LIES) {
  test(`a ${what} is refused and leaves nothing`, async () => refused(await make(), manifest, { code, message }));
}

for (const format of ['qcow2', 'raw'] as const) {
  test(`a pool that runs full while a ${format} disk is written is told and nothing is left`, async () => {
    const small = await scratchNode({ megabytes: 96 });
    try {
      // For which the pool would have room if it did not keep everything twice.
      const raw = await patched(await rawDisk(40), 0, noise(40 * 1024 * 1024, 3));
      const file = format === 'raw' ? raw : await qcow2Of(raw);
      const { manifest } = await manifestFor(file, `${file}.imgmanifest`, { type: 'zvol' });
      await run(['zfs', 'set', 'copies=2', small.pool]);
      const clean = await imageTraces(small);
      await assert.rejects(installImage(small, { manifestPath: manifest, filePath: file }), { code: 'InsufficientSpace', message: /ran full while the image was written/ });
      assert.deepEqual(await imageTraces(small), clean);
    } finally {
      await small.remove();
    }
  });
}

async function refused(file: string, changes: Readonly<Record<string, unknown>> = {}, error: { code: string; message: RegExp }): Promise<void> {
  const { manifest } = await manifestFor(file, `${file}.imgmanifest`, { type: 'zvol', ...changes });
  await assert.rejects(installImage(node, { manifestPath: manifest, filePath: file }), error);
  assert.deepEqual(await imageTraces(node), untouched);
}

async function onBackingFile(): Promise<string> {
  const raw = await rawDisk(2);
  await run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', raw, `${raw}.overlay`]);
  return `${raw}.overlay`;
}

/** An image that would bring a file of the host into the guest, had it been opened without a look. */
async function backedByPasswords(): Promise<string> {
  const file = await qcow2();
  const name = Buffer.from('/etc/shadow');
  await patched(file, 600, name);
  await patched(file, AT.backingLength, bigEndian(name.length, 4));
  return patched(file, AT.backing, bigEndian(600, 8));
}

async function onDataFile(): Promise<string> {
  const file = join(await diskDirectory(), 'disk.qcow2');
  await run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-o', `data_file=${file}.data,data_file_raw=on`, file, '2M']);
  return file;
}

/** With AES: to make a LUKS key, qemu-img first measures how much time of a CPU it gets, and fails where that is none. */
async function encrypted(): Promise<string> {
  const directory = await diskDirectory();
  await writeFile(join(directory, 'secret'), 'secret');
  const file = join(directory, 'disk.qcow2');
  await run(['qemu-img', 'create', '-q', '-f', 'qcow2', '--object', `secret,id=key,file=${join(directory, 'secret')}`, '-o', 'encrypt.format=aes,encrypt.key-secret=key', file, '2M']);
  return file;
}

async function garbledTables(): Promise<string> {
  const file = await qcow2();
  const at = Number((await readFile(file)).readBigUInt64BE(AT.l1));
  return patched(file, at, Buffer.alloc(8, 0x5a));
}

async function headOf(file: string, length: number): Promise<string> {
  return written((await readFile(file)).subarray(0, length));
}

async function noisyDisk(): Promise<string> {
  return patched(await rawDisk(2), 0, noise(2 * 1024 * 1024, 9));
}

async function bomb(): Promise<string> {
  const file = join(await diskDirectory(), 'zeros');
  await run(['truncate', '--size=1100M', file]);
  return compressed(file, 'zstd');
}

async function written(content: Buffer): Promise<string> {
  const file = join(await diskDirectory(), 'file');
  await writeFile(file, content);
  return file;
}
