/**
 * Conversion of qcow2 disks, by qemu-img in the jail: as an id of no power, without a network, it sees the image and the
 * new disk and nothing else. The format is always named. What an image refers to besides itself it could not reach, and
 * it is refused before.
 */
import { open } from 'node:fs/promises';
import { JAIL_SOURCE, JAIL_TARGET, jailed, type Jail } from '../../host/jail/jail.ts';
import { isErrorCode } from '../../host/errors/errors.ts';
import { run, type RunResult } from '../../host/run/run.ts';
import { imgadmErrors } from '../errors.ts';
import { hasFailedForSpace } from '../store/space.ts';
import { requireTablesInside } from './qcow2-header.ts';
import { mebibytesOf, sizeMismatch } from './write-disk.ts';

export interface Conversion {
  /** The qcow2 image; it belongs to `jailId`. */
  readonly source: string;
  /** A file or device of zeros, large enough; it belongs to `jailId`. */
  readonly target: string;
  /** MiB that the disk must have. */
  readonly size: number;
  readonly jailId: number;
  readonly signal: AbortSignal;
}

const MIB = 1024 ** 2;
const HEADER_BYTES = 104;
const MEMORY = 2 * 1024 ** 3;

/** Write the content of a qcow2 image to a raw disk. @throws ImageFileInvalid */
export async function convertQcow2(conversion: Conversion): Promise<void> {
  const { source, target, size, jailId: id, signal } = conversion;
  await requireTables(source);
  await requireWhole(conversion);
  const limits = { cpuSeconds: 120 + size, memory: MEMORY, fileSize: size * MIB };
  await qemuImg(['convert', '-f', 'qcow2', '-O', 'raw', '-n', '--target-is-zero', JAIL_SOURCE, JAIL_TARGET], { id, readable: source, writable: target, limits }, signal);
}

/** What `qemu-img info` says of an image. */
interface Facts {
  readonly 'virtual-size'?: unknown;
  readonly 'backing-filename'?: unknown;
  readonly encrypted?: unknown;
  readonly 'format-specific'?: { readonly data?: { readonly 'data-file'?: unknown; readonly corrupt?: unknown } };
}

/** Ask the program that will read the image whether it sees in it what we saw. */
async function requireWhole({ source, size, jailId: id, signal }: Conversion): Promise<void> {
  const limits = { cpuSeconds: 30, memory: MEMORY };
  const { stdout } = await qemuImg(['info', '--output=json', '-f', 'qcow2', JAIL_SOURCE], { id, readable: source, limits }, signal);
  const facts = JSON.parse(stdout) as Facts;
  const specific = facts['format-specific']?.data;
  const reasons = [
    ...(facts['backing-filename'] === undefined ? [] : ['it has a backing file']),
    ...(specific?.['data-file'] === undefined ? [] : ['its data is in another file']),
    ...(facts.encrypted === true ? ['it is encrypted'] : []),
    ...(specific?.corrupt === true ? ['it is marked as corrupt'] : []),
  ];
  if (reasons[0] !== undefined) throw refused(reasons[0]);
  const actual = mebibytesOf(Number(facts['virtual-size']));
  if (actual !== size) throw sizeMismatch(size, actual);
  // 3: space inside it that nothing uses, which is nobody's loss.
  const check = await qemuImg(['check', '-f', 'qcow2', JAIL_SOURCE], { id, readable: source, limits: { ...limits, cpuSeconds: 120 } }, signal, [0, 2, 3]);
  if (check.exitCode === 2) throw refused(`its tables are damaged: ${check.stdout.trim().split('\n')[0] ?? ''}`);
}

/** The tables that the header names must be there. */
async function requireTables(source: string): Promise<void> {
  const file = await open(source, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    requireTablesInside(buffer, (await file.stat()).size);
  } finally {
    await file.close();
  }
}

async function qemuImg(args: readonly string[], jail: Jail, signal: AbortSignal, acceptExitCodes = [0]): Promise<RunResult> {
  try {
    // Every arena of the allocator takes address space, as many as there are processors.
    return await run(jailed(['qemu-img', ...args], jail), { signal, acceptExitCodes, environment: { MALLOC_ARENA_MAX: '2' } });
  } catch (error) {
    if (!isErrorCode(error, 'CommandFailed') || hasFailedForSpace(error)) throw error;
    throw imgadmErrors.ImageFileInvalid({ reason: `qemu-img cannot ${args[0] === 'convert' ? 'convert' : 'read'} it: ${error.message}` }, { cause: error });
  }
}

function refused(reason: string): Error {
  return imgadmErrors.ImageFileInvalid({ reason: `the qcow2 disk image is refused: ${reason}` });
}
