import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { isSystemError } from '../../host/errors/errors.ts';
import { hostErrors } from '../../host/errors/host-errors.ts';
import { run } from '../../host/run/run.ts';

/**
 * Take everything off a disk that says what is on it: partitions, file systems, labels of pools. What was stored is not overwritten.
 * @throws DiskUnusable when somebody uses it, and then nothing has been written
 */
export async function eraseDisk(path: string): Promise<void> {
  await requireUnused(path);
  for (const device of [...(await partitionsOf(path)), path]) await eraseVdev(device);
  await run(['blockdev', '--rereadpt', path], { acceptExitCodes: [0, 1] });
  if (await hasUdev()) await run(['udevadm', 'settle', '--timeout=30'], { acceptExitCodes: [0, 1] });
}

/** Take the labels of pools and file systems off one partition or disk. */
export async function eraseVdev(path: string): Promise<void> {
  await run(['wipefs', '--all', '--force', '--quiet', '--', path]);
  await clearEnds(path);
}

/** What a node's disk has besides its part of the pool. */
const OUR_LABELS = /^ZONEWRIGHT/i;

/** Whether a disk has nothing but what a node puts on it: its part of a pool, a boot partition, and what ZFS and GRUB reserve. */
export async function isOnlyOurs(path: string): Promise<boolean> {
  const found = await Promise.all(
    [path, ...(await partitionsOf(path))].map(async (device) => (await run(['blkid', '-p', '-o', 'export', '--', device], { acceptExitCodes: [0, 2, 8] })).stdout),
  );
  return found.every((text) => {
    const type = /^TYPE=(.*)$/m.exec(text)?.[1];
    return type === undefined || type === 'zfs_member' || (type === 'vfat' && OUR_LABELS.test(/^LABEL=(.*)$/m.exec(text)?.[1] ?? ''));
  });
}

async function requireUnused(path: string): Promise<void> {
  try {
    await (await open(path, constants.O_RDWR | constants.O_EXCL)).close();
  } catch (error) {
    if (isSystemError(error, 'EBUSY')) throw hostErrors.DiskUnusable({ disk: path, reason: 'it is in use' }, { cause: error });
    if (isSystemError(error, 'EROFS', 'EACCES', 'EPERM')) throw hostErrors.DiskUnusable({ disk: path, reason: 'it is read-only' }, { cause: error });
    throw error;
  }
}

/** ZFS and partition tables keep copies of themselves at both ends. */
const END_BYTES = 1024 * 1024;

async function clearEnds(path: string): Promise<void> {
  const size = Number((await run(['blockdev', '--getsize64', path])).stdout);
  const zeros = Buffer.alloc(Math.min(END_BYTES, size));
  const file = await open(path, 'r+');
  try {
    for (const at of [0, size - zeros.length]) await file.write(zeros, 0, zeros.length, at);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function partitionsOf(path: string): Promise<string[]> {
  const { stdout } = await run(['lsblk', '--json', '--output', 'PATH,TYPE', '--', path]);
  const [disk] = (JSON.parse(stdout) as { readonly blockdevices: ReadonlyArray<{ readonly children?: ReadonlyArray<{ readonly path: string; readonly type: string }> }> }).blockdevices;
  return (disk?.children ?? []).filter(({ type }) => type === 'part').map((child) => child.path);
}

async function hasUdev(): Promise<boolean> {
  const { exitCode } = await run(['udevadm', 'control', '--ping', '--timeout=5'], { acceptExitCodes: [0, 1, 2] }).catch(() => ({ exitCode: 1 }));
  return exitCode === 0;
}
