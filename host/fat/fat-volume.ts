/**
 * A FAT file system on a partition, or at an offset in a file that is a disk. It is read and written by mtools: the kernel neither
 * mounts it nor interprets it. A volume is named as mtools does: `/dev/sda2`, `disk.img@@2097152`.
 *
 * What is written is on the disk when a function here returns.
 */
import { open } from 'node:fs/promises';
import { run, type RunOptions, type RunResult } from '../run/run.ts';

export type FatVolume = string;

export interface FatFormat {
  /** Of 512 bytes. */
  readonly sectors: number;
  /** At most 11 letters, digits and `_`. */
  readonly label: string;
}

/** Make an empty FAT32 file system. */
export async function formatFat(volume: FatVolume, { sectors, label }: FatFormat): Promise<void> {
  // A geometry is asked for, and nobody reads it.
  await mtools('mformat', volume, ['-F', '-T', String(sectors), '-h', '255', '-s', '63', '-c', '8', '-v', label, '::']);
  await flush(volume);
}

/** A file's text; undefined when there is none, or no file system. */
export async function readFatFile(volume: FatVolume, path: string): Promise<string | undefined> {
  const { exitCode, stdout } = await mtools('mtype', volume, [inside(path)], { acceptExitCodes: [0, 1] });
  return exitCode === 0 ? stdout : undefined;
}

/** Write a small file, replacing the one of that name. Its directory must be there. */
export async function writeFatFile(volume: FatVolume, path: string, content: string | Uint8Array): Promise<void> {
  await mtools('mcopy', volume, ['-o', '-', inside(path)], { input: content });
  await flush(volume);
}

/** Copy files of the host into a directory of the volume. */
export async function copyIntoFat(volume: FatVolume, files: readonly string[], directory: string, options: Pick<RunOptions, 'signal'> = {}): Promise<void> {
  await mtools('mcopy', volume, ['-o', ...files, inside(`${directory}/`)], options);
  await flush(volume);
}

export async function makeFatDirectory(volume: FatVolume, path: string): Promise<void> {
  await mtools('mmd', volume, [inside(path)]);
}

export async function renameInFat(volume: FatVolume, from: string, to: string): Promise<void> {
  await mtools('mren', volume, [inside(from), inside(to)]);
  await flush(volume);
}

/** Remove a directory with all that is in it. */
export async function removeFromFat(volume: FatVolume, path: string): Promise<void> {
  await mtools('mdeltree', volume, [inside(path)]);
  await flush(volume);
}

/** Names in a directory, those of directories with a `/` at their end. */
export async function listFat(volume: FatVolume, path = '/'): Promise<string[]> {
  const { stdout } = await mtools('mdir', volume, ['-a', '-b', inside(path)], { acceptExitCodes: [0, 1] });
  const names = stdout.split('\n').map((line) => /^::.*?([^/]+\/?)$/.exec(line.trim())?.[1]);
  return names.filter((name) => name !== undefined);
}

export async function freeBytesInFat(volume: FatVolume): Promise<number> {
  const { stdout } = await mtools('mdir', volume, ['-a', '::/']);
  const free = /([\d ]+) bytes free/.exec(stdout)?.[1];
  if (free === undefined) throw new Error(`mdir does not say what is free on ${volume}`);
  return Number(free.replaceAll(' ', ''));
}

function mtools(program: string, volume: FatVolume, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return run([program, '-i', volume, ...args], { ...options, environment: { MTOOLSRC: '/dev/null', MTOOLS_SKIP_CHECK: '1' } });
}

function inside(path: string): string {
  return `::${path}`;
}

async function flush(volume: FatVolume): Promise<void> {
  const file = await open(volume.replace(/@@\d+$/, ''), 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
