/**
 * Which instances begin and cease to run, from the kernel: `cgroup.events` of a group says whether any process is left in
 * it, and inotify says when that changes. Hybrid hosts have this hierarchy too, and LXC and machines are in it there.
 *
 *   <cgroup>/<uuid>/                       made and removed with the instance's boot and stop
 *   <cgroup>/<uuid>/cgroup.events          a machine's processes, and a zone's with its monitor
 *   <cgroup>/<uuid>/lxc.payload.<uuid>/    a zone's own processes; new with each reboot
 */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { hierarchies } from '../../host/cgroup/hierarchies.ts';
import type { Node } from '../../host/config/node-config.ts';
import { isUuid } from '../../host/config/units.ts';
import { payloadGroup } from '../../host/lxc/groups.ts';
import { watchPath, type Watching } from './watch.ts';

export interface GroupWatch extends Watching {
  /** Look which groups there are, should the kernel have had more to say than it could keep. */
  recheck(): void;
}

/**
 * Be told of each instance whose processes may have come or gone.
 * @returns undefined on a host without the unified hierarchy, where nothing but looking tells.
 */
export function watchGroups(node: Node, onChange: (uuid: string) => void): GroupWatch | undefined {
  const unified = hierarchies().find(({ version }) => version === 2);
  if (!unified) return undefined;
  const top = join(unified.directory, node.cgroup);
  mkdirSync(top, { recursive: true });
  const followed = new Map<string, GroupFollower>();

  function look(name: string): void {
    if (!isUuid(name)) return;
    if (!existsSync(join(top, name))) {
      followed.get(name)?.close();
      followed.delete(name);
    } else if (!followed.has(name)) {
      followed.set(name, followGroup({ unified: unified?.directory ?? '', top, cgroup: node.cgroup, uuid: name }, onChange));
    }
    onChange(name);
  }

  const recheck = (): void => {
    for (const name of new Set([...followed.keys(), ...readdirSync(top)])) if (followed.has(name) !== existsSync(join(top, name))) look(name);
    for (const follower of followed.values()) follower.recheck();
  };
  const watching = watchPath(top, (kind, name) => (name === undefined ? recheck() : kind === 'rename' && look(name)));
  for (const name of readdirSync(top)) look(name);
  return {
    recheck,
    close() {
      watching?.close();
      for (const follower of followed.values()) follower.close();
      followed.clear();
    },
  };
}

interface GroupFollower extends Watching {
  recheck(): void;
}

interface GroupPlace {
  readonly unified: string;
  readonly top: string;
  readonly cgroup: string;
  readonly uuid: string;
}

function followGroup({ unified, top, cgroup, uuid }: GroupPlace, onChange: (uuid: string) => void): GroupFollower {
  const directory = join(top, uuid);
  const payload = join(unified, payloadGroup({ cgroup, uuid }));
  const changed = (): void => onChange(uuid);
  const watches: Array<Watching | undefined> = [watchPath(join(directory, 'cgroup.events'), changed)];
  let inPayload: Watching | undefined;

  function followPayload(): void {
    inPayload?.close();
    inPayload = watchPath(join(payload, 'cgroup.events'), changed);
  }

  watches.push(
    watchPath(directory, (kind, name) => {
      if (kind !== 'rename' || name?.startsWith('lxc.payload.') === false) return;
      followPayload();
      changed();
    }),
  );
  followPayload();
  return {
    recheck() {
      if (!inPayload && existsSync(payload)) followPayload();
    },
    close() {
      inPayload?.close();
      for (const watching of watches) watching?.close();
    },
  };
}
