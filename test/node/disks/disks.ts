import type { Disk } from '../../../node/disks/list.ts';

export const GIB = 1024 ** 3;

/** A disk as the tests like it: usable, empty, fixed. */
export function disk(name: string, gibibytes: number, more: Partial<Disk> = {}): Disk {
  return {
    path: `/dev/${name}`,
    id: `/dev/disk/by-id/test-${name}`,
    size: gibibytes * GIB,
    model: 'TEST DISK',
    serial: `S-${name}`,
    transport: 'sata',
    rotational: false,
    removable: false,
    content: undefined,
    obstacle: undefined,
    ...more,
  };
}
