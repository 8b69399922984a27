import { constants } from 'node:os';
import type { Node } from '../../host/config/node-config.ts';
import { dataset } from '../../host/config/units.ts';
import { availableBytes, getProperties } from '../../host/zfs/zfs.ts';
import { imgadmErrors } from '../errors.ts';

const MIB = 1024 ** 2;

/**
 * Bytes that an image may take: what the pool has, less a reserve, for a pool that is full to the last block cannot even
 * delete.
 * @throws InsufficientSpace with numbers when that is less than the image's file.
 */
export async function spaceForImage(node: Node, fileSize: number): Promise<number> {
  const available = await availableBytes(dataset(node.pool));
  const reserve = Math.min(256 * MIB, Math.floor(available / 20));
  const usable = available - reserve;
  if (fileSize > usable) {
    throw imgadmErrors.InsufficientSpace({ zpool: node.pool, reason: `the image file has ${mebibytes(fileSize)} and ${mebibytes(usable)} can be used` });
  }
  return usable;
}

/** Bytes that the pool could hold if it held nothing else: no disk can be larger and ever be filled. */
export async function poolCapacity(node: Node): Promise<number> {
  const { used = '0', available = '0' } = (await getProperties(dataset(node.pool), 'used', 'available')) ?? {};
  return Number(used) + Number(available);
}

/** Whether a program or a write of ours failed because the pool or a quota is full. */
export function hasFailedForSpace(error: unknown): boolean {
  // Node has no name for the error of a full quota.
  if (error instanceof Error && 'errno' in error && error.errno === -constants.errno.EDQUOT) return true;
  return error instanceof Error && /No space left|quota exceeded|out of space/i.test(error.message);
}

function mebibytes(bytes: number): string {
  return `${(Math.trunc((bytes / MIB) * 10) / 10).toFixed(1)} MiB`;
}
