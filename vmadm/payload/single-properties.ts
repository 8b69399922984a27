/** Rules of single properties that have a text of their own (reference §2.4). They hold for create and update alike. */
import type { Payload } from '../engine.ts';
import { vmErrors } from '../errors.ts';
import { isPowerOfTwo } from './formats.ts';

/** Compressions that SmartOS knows, then those that only OpenZFS does. */
export const COMPRESSIONS: readonly string[] = [
  'on', 'off', 'gzip', ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((level) => `gzip-${level}`), 'lz4', 'lzjb', 'zle', 'zstd',
];
const VGA_TYPES = ['cirrus', 'std', 'vmware', 'qxl', 'xenfb'];
const LONGEST_VNC_PASSWORD = 8;

/** Whether a number is a record or block size of ZFS. */
export function isRecordSize(size: number): boolean {
  return size >= 512 && size <= 131072 && isPowerOfTwo(size);
}

/** Check a payload in normal form. @throws RecordSize, Compression, VncPasswordTooLong, VgaInvalid */
export function requireSingleProperties(payload: Payload): void {
  for (const name of ['zfs_root_recsize', 'zfs_data_recsize']) {
    const value = payload[name];
    if (typeof value === 'number' && value !== 0 && !isRecordSize(value)) throw vmErrors.RecordSize({ name, value });
  }
  for (const name of ['zfs_root_compression', 'zfs_data_compression']) {
    const value = payload[name];
    if (typeof value === 'string' && !COMPRESSIONS.includes(value)) throw vmErrors.Compression({ name, choices: COMPRESSIONS.join(',') });
  }
  const { vnc_password: password, vga } = payload;
  if (typeof password === 'string' && password.length > LONGEST_VNC_PASSWORD) throw vmErrors.VncPasswordTooLong();
  if (typeof vga === 'string' && !VGA_TYPES.includes(vga)) throw vmErrors.VgaInvalid({ vga, choices: VGA_TYPES.join(',') });
}
