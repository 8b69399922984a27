import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../host/errors/errors.ts';

const { O_RDWR, O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;

/** What a machine printed is cut back when it is longer than this; as much as this is kept besides. */
const KEPT_BYTES = 256 * 1024;

/**
 * Keep only the end of what each machine printed on its console. QEMU appends to `console.log`, so it can be cut back while
 * the machine runs: its content becomes `console.log.1`. Both lie in the machine's own small file system, where a machine
 * that prints faster than we look loses output and harms nobody.
 * @param directory the run directories of all machines
 */
export async function cutBackConsoles(directory: string): Promise<void> {
  for (const uuid of await namesIn(directory)) await cutBack(join(directory, uuid, 'log'));
}

/** The machine's uid may write in this directory, so names are opened without following what stands in for them. */
async function cutBack(log: string): Promise<void> {
  try {
    await using console = await open(join(log, 'console.log'), O_RDWR | O_NOFOLLOW);
    const stats = await console.stat();
    if (!stats.isFile() || stats.size <= KEPT_BYTES) return;
    const end = await console.read(Buffer.alloc(KEPT_BYTES), 0, KEPT_BYTES, stats.size - KEPT_BYTES);
    await console.truncate(0);
    await using kept = await open(join(log, 'console.log.1'), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
    await kept.writeFile(end.buffer.subarray(0, end.bytesRead));
  } catch (error) {
    // It ended meanwhile, or what is there is no console.
    if (!isSystemError(error, 'ENOENT', 'ENOTDIR', 'ENOTCONN', 'ELOOP', 'ENOSPC')) throw error;
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}
