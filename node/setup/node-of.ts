import { existsSync } from 'node:fs';
import { pathsOf, type Node, type NodeConfig } from '../../host/config/node-config.ts';
import { mountsBelow } from '../../host/files/mounts.ts';
import { isDeadMount } from '../../host/zfs/daemon.ts';
import type { Setup } from './step.ts';

/** The node as it will be, for steps that need its paths before its configuration is written. */
export function nodeOf({ options, last, serverUuid }: Setup): Node {
  const config: NodeConfig = {
    version: 1,
    serverUuid,
    pool: options.pool,
    mountpoint: options.mountpoint,
    runDirectory: options.runDirectory,
    cgroup: options.cgroup,
    zfs: last?.zfs ?? { implementation: 'zfs-fuse', version: 'unknown' },
    ...(options.file !== undefined && existsSync(options.file) ? { poolFile: options.file } : {}),
    uidRanges: last?.uidRanges ?? { first: 0, count: 0 },
    idmappedMounts: last?.idmappedMounts ?? false,
  };
  return { ...config, paths: pathsOf(config) };
}

/** Whether the pool is mounted, by a ZFS that is alive: only then is what lies below its mountpoint the node's. */
export async function isPoolMounted({ options: { mountpoint } }: Setup): Promise<boolean> {
  const mounted = (await mountsBelow(mountpoint)).some((mount) => mount.mountpoint === mountpoint);
  return mounted && !(await isDeadMount(mountpoint));
}
