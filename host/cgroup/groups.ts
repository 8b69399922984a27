import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSystemError } from '../errors/errors.ts';
import { hierarchies, hierarchyOf, processHierarchy, type Hierarchy } from './hierarchies.ts';
import type { ControlValue } from './limits.ts';

/**
 * Pids in a group and all groups below it; none when there is no such group.
 * @param group relative to init's, `zonewright/<uuid>/…`.
 */
export async function processesIn(group: string): Promise<number[]> {
  return processesBelow(join(processHierarchy().directory, group));
}

/** Names of the groups directly below one. */
export async function childGroups(group: string): Promise<string[]> {
  const entries = await ifPresent(() => readdir(join(processHierarchy().directory, group), { withFileTypes: true }));
  return (entries ?? []).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

/**
 * Make a group in every hierarchy that limits or counts, with values for its control files.
 * Only for processes that we start ourselves: zones have LXC do it.
 */
export async function makeGroup(group: string, values: readonly ControlValue[]): Promise<void> {
  for (const { directory, controllers, version } of joinableHierarchies()) {
    if (version === 2) await delegateControllers(directory, dirname(group), controllers);
    await mkdir(join(directory, group), { recursive: true });
  }
  for (const { file, value } of values) {
    const hierarchy = hierarchyOf(file.split('.')[0] ?? '');
    if (hierarchy) await writeFile(join(hierarchy.directory, group, file), value);
  }
}

/** The directories of a group in all hierarchies that `makeGroup` made it in. */
export function groupDirectories(group: string): string[] {
  return joinableHierarchies().map(({ directory }) => join(directory, group));
}

/** Kill every process of a group and wait until they are gone. */
export async function killGroup(group: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const pids = await processesIn(group);
    if (pids.length === 0) return;
    for (const pid of pids) killProcess(pid);
    await sleep(20);
  }
}

/**
 * Remove a group and all below it from every hierarchy. A group whose last process has just died can be busy for a
 * moment, so this waits a little.
 * @returns whether all is gone; false when processes still live in it.
 */
export async function removeGroup(group: string): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    if (tries > 0) await sleep(Math.min(2 ** tries, 25));
    const results = await Promise.all(hierarchies().map(({ directory }) => removeTree(join(directory, group))));
    if (results.every(Boolean)) return true;
  }
  return false;
}

/** A v1 cpuset has no CPUs until somebody gives it some; nothing of ours divides CPUs by number. */
function joinableHierarchies(): readonly Hierarchy[] {
  return hierarchies().filter(({ version, controllers }) => version === 2 || !controllers.includes('cpuset'));
}

/** In v2 a group has a controller only when each of its parents hands it down. */
async function delegateControllers(root: string, group: string, controllers: readonly string[]): Promise<void> {
  const wanted = ['cpu', 'memory', 'pids', 'io'].filter((name) => controllers.includes(name));
  for (const [index] of [...group.split('/'), ''].entries()) {
    const directory = join(root, ...group.split('/').slice(0, index));
    await mkdir(directory, { recursive: true });
    for (const name of wanted) await writeFile(join(directory, 'cgroup.subtree_control'), `+${name}`);
  }
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!isSystemError(error, 'ESRCH')) throw error;
  }
}

async function processesBelow(directory: string): Promise<number[]> {
  const listed = await ifPresent(() => readFile(join(directory, 'cgroup.procs'), 'utf8'));
  const own = (listed ?? '').split('\n').filter((line) => line !== '').map(Number);
  const children = (await ifPresent(() => readdir(directory, { withFileTypes: true }))) ?? [];
  const below = await Promise.all(children.filter((child) => child.isDirectory()).map((child) => processesBelow(join(directory, child.name))));
  return [...own, ...below.flat()];
}

async function removeTree(directory: string): Promise<boolean> {
  const children = (await ifPresent(() => readdir(directory, { withFileTypes: true }))) ?? [];
  for (const child of children.filter((entry) => entry.isDirectory())) await removeTree(join(directory, child.name));
  try {
    await rmdir(directory);
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return true;
    if (isSystemError(error, 'EBUSY', 'ENOTEMPTY')) return false;
    throw error;
  }
}

async function ifPresent<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    // ENODEV: the group went away while its file was open.
    if (isSystemError(error, 'ENOENT', 'ENODEV', 'EOPNOTSUPP')) return undefined;
    throw error;
  }
}
