import type { Disk } from './list.ts';

/** How a pool lies on its disks; `single` puts the disks side by side, without a copy of anything. */
export const LAYOUTS = ['single', 'mirror', 'raidz1', 'raidz2'] as const;
export type Layout = (typeof LAYOUTS)[number];

/** The fewest disks that a layout makes sense on. */
export const LEAST_DISKS: Readonly<Record<Layout, number>> = { single: 1, mirror: 2, raidz1: 3, raidz2: 4 };

export interface Proposal {
  readonly layout: Layout;
  readonly disks: readonly Disk[];
  /** Disks that stay as they are, each with the reason. */
  readonly leftOut: ReadonlyArray<{ readonly disk: Disk; readonly reason: string }>;
}

/**
 * Propose a pool: of the disks that can be taken, those of one size and kind that give the most room. One stands alone, two mirror
 * each other, three to five are raidz1, more are raidz2.
 * @returns undefined when there is no disk to take
 */
export function proposeLayout(disks: readonly Disk[]): Proposal | undefined {
  const [best, ...others] = groupsOf(disks.filter(isCandidate)).sort((one, other) => room(other) - room(one));
  if (!best) return undefined;
  const odd = others.flat().map((disk) => ({ disk, reason: 'it is not of the size and kind of the others' }));
  const unusable = disks.filter((disk) => !isCandidate(disk)).map((disk) => ({ disk, reason: reasonAgainst(disk) }));
  return { layout: layoutFor(best.length), disks: best, leftOut: [...odd, ...unusable].sort((one, other) => one.disk.path.localeCompare(other.disk.path)) };
}

/** The layout that so many disks get unless somebody says otherwise. */
export function layoutFor(count: number): Layout {
  if (count <= 1) return 'single';
  if (count === 2) return 'mirror';
  return count <= 5 ? 'raidz1' : 'raidz2';
}

/** Bytes that a pool of this layout holds, roughly. */
export function capacityOf(layout: Layout, disks: readonly Disk[]): number {
  const smallest = Math.min(...disks.map(({ size }) => size));
  if (layout === 'single') return disks.reduce((sum, { size }) => sum + size, 0);
  return smallest * (layout === 'mirror' ? 1 : disks.length - (layout === 'raidz1' ? 1 : 2));
}

/** Whether a disk may be taken without being asked for by name. */
export function isCandidate(disk: Disk): boolean {
  return disk.obstacle === undefined && disk.transport !== 'loop' && disk.transport !== 'usb' && !disk.removable;
}

function reasonAgainst(disk: Disk): string {
  return disk.obstacle ?? (disk.transport === 'loop' ? 'it is a file of another disk' : 'it can be pulled out');
}

function room(disks: readonly Disk[]): number {
  return capacityOf(layoutFor(disks.length), disks);
}

/** Disks sold as one size differ by a little. */
const TOLERANCE = 0.02;

function groupsOf(disks: readonly Disk[]): Disk[][] {
  const groups: Disk[][] = [];
  for (const disk of [...disks].sort((one, other) => one.size - other.size)) {
    const group = groups.find(([first]) => first && first.rotational === disk.rotational && disk.size <= first.size * (1 + TOLERANCE));
    if (group) group.push(disk);
    else groups.push([disk]);
  }
  return groups.map((group) => group.sort((one, other) => one.path.localeCompare(other.path)));
}
