import { existsSync } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { isSystemError } from '../errors/errors.ts';
import { hostErrors } from '../errors/host-errors.ts';
import { run } from '../run/run.ts';

/** Refuse disks that hold anything: a pool made on a disk destroys what was there. @throws DiskUnusable */
export async function requireUsableDisks(disks: readonly string[]): Promise<void> {
  for (const disk of disks) {
    const reason = await reasonAgainst(disk);
    if (reason !== undefined) throw hostErrors.DiskUnusable({ disk: JSON.stringify(disk).slice(1, -1), reason });
  }
}

async function reasonAgainst(disk: string): Promise<string | undefined> {
  if (!/^\/dev\/[A-Za-z0-9/_.:+-]+$/.test(disk)) return 'it is not a path below /dev';
  try {
    if (!(await stat(disk)).isBlockDevice()) return 'it is not a block device';
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return 'it does not exist';
    throw error;
  }
  const name = basename(await realpath(disk));
  const sys = `/sys/class/block/${name}`;
  const partitions = existsSync(sys) ? (await readdir(sys)).filter((entry) => existsSync(`${sys}/${entry}/partition`)) : [];
  if (partitions.length > 0) return `it has partitions (${partitions.join(', ')})`;
  const holders = existsSync(`${sys}/holders`) ? await readdir(`${sys}/holders`) : [];
  if (holders.length > 0) return `it is used by ${holders.join(', ')}`;
  // 2: no signature of anything known.
  const { stdout, exitCode } = await run(['blkid', '-p', '-o', 'export', '--', disk], { acceptExitCodes: [0, 2] });
  if (exitCode === 2) return undefined;
  const kind = /^(?:TYPE|PTTYPE)=(.*)$/m.exec(stdout)?.[1] ?? 'something';
  return `it holds ${kind}; erase it with \`wipefs -a\` if nobody needs that`;
}
