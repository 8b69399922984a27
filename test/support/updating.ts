/** Calling `vmadm update` and looking at what came of it, for tests on a scratch node. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hierarchyOf } from '../../host/cgroup/hierarchies.ts';
import { controlValues } from '../../host/cgroup/limits.ts';
import { dataset } from '../../host/config/units.ts';
import { getProperties } from '../../host/zfs/zfs.ts';
import { cli, type CliResult } from './cli.ts';
import type { ScratchNode } from './scratch-node.ts';
import { NO_TRACES, tracesOn } from './traces.ts';

export interface Updating {
  update(uuid: string, payload: unknown, environment?: Record<string, string>): Promise<CliResult>;
  /** Update, which must succeed and say nothing more. @returns what `get` shows then */
  updated(uuid: string, payload: unknown): Promise<Record<string, unknown>>;
  get(uuid: string): Promise<Record<string, unknown>>;
  /** Delete the instance, of which nothing may be left. */
  remove(uuid: string): Promise<void>;
  /** Names of the files that belong to an instance's record. */
  filesOf(uuid: string): Promise<string[]>;
  /** Bytes of the quota of an instance's root, as ZFS has it. */
  quotaOf(uuid: string): Promise<number>;
  /** What the kernel holds a zone to: the values of the files that its limits go into. */
  limitsOf(uuid: string): Promise<Record<string, string>>;
}

/** The functions of a test file whose node is made later. */
export function updatingOn(node: () => ScratchNode): Updating {
  const update: Updating['update'] = (uuid, payload, environment = {}) => cli(node(), 'vmadm', ['update', uuid], { input: JSON.stringify(payload), environment });
  const get: Updating['get'] = async (uuid) => {
    const { stdout, stderr, status } = await cli(node(), 'vmadm', ['get', uuid]);
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  return {
    update,
    get,
    async updated(uuid, payload) {
      const { stderr, status } = await update(uuid, payload);
      assert.deepEqual([status, stderr], [0, `Successfully updated VM ${uuid}\n`]);
      return get(uuid);
    },
    async remove(uuid) {
      const { status, stderr } = await cli(node(), 'vmadm', ['delete', uuid]);
      assert.equal(status, 0, stderr);
      assert.deepEqual(await tracesOn(node(), uuid), NO_TRACES);
    },
    filesOf: async (uuid) => (await readdir(node().paths.instances)).filter((name) => name.includes(uuid)),
    quotaOf: async (uuid) => Number((await getProperties(dataset(node().pool, uuid), 'quota'))?.quota),
    async limitsOf(uuid) {
      const files = controlValues({ memory: 1, swap: 1, processes: 1, cpuCap: 1, cpuShares: 1 }).map(({ file }) => file);
      const read = files.map(async (file) => {
        const { directory } = hierarchyOf(file.split('.')[0] ?? '') ?? { directory: '' };
        return [file, (await readFile(join(directory, node().cgroup, uuid, `lxc.payload.${uuid}`, file), 'utf8')).trim()] as const;
      });
      return Object.fromEntries(await Promise.all(read));
    },
  };
}

/** The points at which a plan of so many steps can be killed before it is committed. */
export function pointsOf(steps: number): string[] {
  const around = Array.from({ length: steps }, (_, index) => [`before:${index + 1}`, `after:${index + 1}`]);
  return ['intent', ...around.flat(), 'before:commit'];
}
