/**
 * Control groups as the host has them: one unified hierarchy (v2), one per controller (v1), or some of both (hybrid).
 * Our groups lie below the one that the host's init lives in, which is where LXC makes them.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Hierarchy {
  readonly version: 1 | 2;
  /** Controllers that this hierarchy manages; of v2, those that its root offers. */
  readonly controllers: readonly string[];
  /** The directory of init's own group in it. */
  readonly directory: string;
}

let known: readonly Hierarchy[] | undefined;

/** All mounted hierarchies. Read once: they do not change while a host is up. */
export function hierarchies(): readonly Hierarchy[] {
  known ??= readHierarchies();
  return known;
}

/** The hierarchy that manages a controller, or undefined when the host offers it nowhere. */
export function hierarchyOf(controller: string): Hierarchy | undefined {
  return hierarchies().find((hierarchy) => hierarchy.controllers.includes(controller));
}

/** The hierarchy to count processes in: that of the `pids` controller, else the unified one. */
export function processHierarchy(): Hierarchy {
  const hierarchy = hierarchyOf('pids') ?? hierarchies().find(({ version }) => version === 2) ?? hierarchies()[0];
  if (!hierarchy) throw new Error('no cgroup hierarchy is mounted');
  return hierarchy;
}

/** `v1`, `v2` or `hybrid`, as people name the set-up. */
export function cgroupLayout(): 'v1' | 'v2' | 'hybrid' {
  const versions = new Set(hierarchies().map(({ version }) => version));
  return versions.size === 2 ? 'hybrid' : versions.has(2) ? 'v2' : 'v1';
}

function readHierarchies(): Hierarchy[] {
  const groups = groupsOfInit(readFileSync('/proc/1/cgroup', 'utf8'));
  return mountsOf(readFileSync('/proc/self/mounts', 'utf8')).flatMap(({ mountpoint, type, options }): Hierarchy[] => {
    if (type === 'cgroup2') {
      const directory = join(mountpoint, groups.get('') ?? '/');
      return [{ version: 2, controllers: controllersOf(directory), directory }];
    }
    const controllers = options.filter((option) => groups.has(option));
    const group = controllers.map((controller) => groups.get(controller)).find((path) => path !== undefined);
    return group === undefined ? [] : [{ version: 1, controllers, directory: join(mountpoint, group) }];
  });
}

function mountsOf(mounts: string): Array<{ mountpoint: string; type: string; options: string[] }> {
  const seen = new Set<string>();
  return mounts
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, mountpoint = '', type = '']) => /^cgroup2?$/.test(type) && !seen.has(mountpoint) && Boolean(seen.add(mountpoint)))
    .map(([, mountpoint = '', type = '', options = '']) => ({ mountpoint, type, options: options.split(',') }));
}

/** Init's group per controller (`name=systemd` for a named one, empty for the unified hierarchy). */
function groupsOfInit(text: string): Map<string, string> {
  const groups = new Map<string, string>();
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, controllers = '', ...path] = line.split(':');
    // systemd sits in a leaf of its own; what it manages, and we, are beside it.
    const group = path.join(':').replace(/\/init\.scope$/, '') || '/';
    for (const controller of controllers.split(',')) groups.set(controller, group);
  }
  return groups;
}

function controllersOf(directory: string): string[] {
  const path = join(directory, 'cgroup.controllers');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split(' ').filter((name) => name !== '') : [];
}
