import { createCipheriv } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, open, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../host/run/run.ts';

/** A directory for the files of one test. */
export function diskDirectory(): Promise<string> {
  return mkdtemp(join(process.env['ZONEWRIGHT_SANDBOX'] ?? tmpdir(), 'disk-'));
}

/** A raw disk of so many MiB with a little data at its start, in its middle and at its end. */
export async function rawDisk(mebibytes: number): Promise<string> {
  const path = join(await diskDirectory(), 'disk.raw');
  const size = mebibytes * 1024 * 1024;
  const file = await open(path, 'w');
  await file.truncate(size);
  for (const [index, at] of [0, Math.floor(size / 2) - 1000, size - 4000].entries()) await file.write(noise(4000, index), 0, 4000, at);
  await file.close();
  return path;
}

/** A qcow2 disk with the content of a raw one. @param options further ones for `qemu-img convert` */
export async function qcow2Of(raw: string, options: readonly string[] = []): Promise<string> {
  const path = `${raw}.qcow2`;
  await run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', ...options, raw, path]);
  return path;
}

/** Write bytes into a file, in place. */
export async function patched(path: string, at: number, bytes: Buffer): Promise<string> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, at);
  await file.close();
  return path;
}

/** A number as qcow2 has it. */
export function bigEndian(value: bigint | number, bytes: 4 | 8): Buffer {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 4) buffer.writeUInt32BE(Number(value));
  else buffer.writeBigUInt64BE(BigInt(value));
  return buffer;
}

/** The file, compressed by the program that is named. */
export async function compressed(path: string, program: 'gzip' | 'xz' | 'zstd' | 'bzip2'): Promise<string> {
  const target = `${path}.${program}`;
  await run([program, '--stdout', '--', path], { stdoutTo: createWriteStream(target) });
  return target;
}

/** The first part of a file, as a download that broke off leaves it. */
export async function cutOff(path: string): Promise<string> {
  const whole = await readFile(path);
  await writeFile(`${path}.cut`, whole.subarray(0, Math.floor(whole.length / 2)));
  return `${path}.cut`;
}

/** Bytes that no compression shrinks, the same in every run. */
export function noise(length: number, seed: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(length));
}
