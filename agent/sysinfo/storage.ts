/** The node's pool and the host's disks. */
import { readdir, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { dataset } from '../../host/config/units.ts';
import { isSystemError } from '../../host/errors/errors.ts';
import { readFileIfPresent } from '../../host/files/atomic.ts';
import { run } from '../../host/run/run.ts';
import { getProperties } from '../../host/zfs/zfs.ts';
import type { Sysinfo } from '../wire/sysinfo.ts';

const GIB = 1024 ** 3;

/** What sysinfo says of the pool; nothing when it is not there. */
export async function poolFacts(node: Node): Promise<Partial<Sysinfo>> {
  const properties = await getProperties(dataset(node.pool), 'creation', 'used', 'available');
  if (!properties) return {};
  const { stdout } = await run(['zpool', 'status', node.pool]);
  const { disks, profile } = layoutOf(stdout, node.pool);
  return {
    Zpool: node.pool,
    'Zpool Disks': disks.join(','),
    'Zpool Profile': profile,
    'Zpool Creation': Number(properties.creation),
    'Zpool Size in GiB': Math.floor((Number(properties.used) + Number(properties.available)) / GIB),
    'Zpool Encrypted': await isEncrypted(node),
  };
}

/** zfs-fuse does not know the property at all. */
async function isEncrypted(node: Node): Promise<boolean> {
  if (node.zfs.implementation !== 'openzfs') return false;
  const properties = await getProperties(dataset(node.pool), 'encryption');
  return properties !== undefined && properties.encryption !== 'off' && properties.encryption !== '-';
}

/** The pool's disks and how they stand together, from `zpool status`. Logs, caches and spares hold no data of their own. */
export function layoutOf(status: string, pool: string): { readonly disks: readonly string[]; readonly profile: string } {
  const lines = status.split('\n');
  const start = lines.findIndex((line) => line.trim().split(/\s+/)[0] === pool && /^\s/.test(line));
  const rows = lines.slice(start + 1).map((line) => ({ depth: /^\t( *)/.exec(line)?.[1]?.length ?? -1, name: line.trim().split(/\s+/)[0] ?? '' }));
  // Other groups of vdevs stand at the depth of the pool's own name, and the configuration ends with an empty line.
  const end = rows.findIndex(({ depth, name }) => depth <= 0 || name === '');
  const own = start === -1 ? [] : rows.slice(0, end === -1 ? undefined : end);
  const groups = own.filter(({ name }) => GROUP.test(name)).map(({ name }) => GROUP.exec(name)?.[1] ?? '');
  return { disks: own.map(({ name }) => name).filter((name) => !GROUP.test(name)).map((name) => basename(name)), profile: groups[0] ?? 'striped' };
}

const GROUP = /^(mirror|raidz[1-3]?|draid[1-3]?)(?:[-:].*)?$/;

/** The host's disks with their sizes; what is made of software on top of others is none. */
export async function disks(sys = '/sys'): Promise<Record<string, { 'Size in GB': number }>> {
  const names = await readdir(join(sys, 'class/block')).catch((error: unknown) => {
    if (isSystemError(error, 'ENOENT')) return [];
    throw error;
  });
  const found = await Promise.all(names.map(async (name) => [name, await diskSize(join(sys, 'class/block', name))] as const));
  return Object.fromEntries(found.flatMap(([name, size]) => (size === undefined ? [] : [[name, { 'Size in GB': size }]])));
}

async function diskSize(path: string): Promise<number | undefined> {
  const place = await realpath(path).catch(() => '/virtual/');
  if (place.includes('/virtual/') || /^(sr|fd|nbd)\d/.test(basename(path)) || (await readFileIfPresent(join(path, 'partition'))) !== undefined) return undefined;
  const sectors = Number(await readFileIfPresent(join(path, 'size')));
  return sectors > 0 ? Math.round((sectors * 512) / 1e9) : undefined;
}
