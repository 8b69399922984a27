/** What the kernel, not a file, knows of an instance (reference §3.1). */
import type { Node } from '../../host/config/node-config.ts';
import { platformStamp } from '../../host/config/platform.ts';
import type { ZoneRuntime } from '../../host/lxc/groups.ts';
import { initPid, processStartTime } from '../../host/lxc/zone.ts';
import { initOf } from '../../host/cgroup/init.ts';
import { consoleTail, machineExit } from '../../host/qemu/process.ts';
import { getProperties } from '../../host/zfs/zfs.ts';
import { stateOf, type HostView } from './state.ts';
import { isMachine } from '../lifecycle/context.ts';
import { ownedDisks } from '../machines/disks.ts';
import { readPause } from '../machines/pause.ts';
import { machineRuntime } from '../machines/runtime.ts';
import { freeSpace } from '../machines/space.ts';
import type { LiveFacts, VmRecord } from '../payload/index.ts';

/** How the host runs a zone. */
export function zoneRuntime(node: Node, uuid: string): ZoneRuntime {
  return { uuid, lxcDirectory: node.paths.lxc, cgroup: node.cgroup };
}

/** Everything live of one instance, as `get` shows it. */
export async function liveFacts(node: Node, record: VmRecord, host: HostView): Promise<LiveFacts> {
  const state = await stateOf(node, record, host);
  const fixed = { server_uuid: node.serverUuid, platform_buildstamp: await platformStamp(), pool_mountpoint: node.mountpoint, free_space: await freeSpaceOf(node, record) };
  if (state.zone_state !== 'running') return { ...state, ...fixed, ...(isMachine(record) ? await exitFacts(node, record.uuid) : {}) };
  const pid = isMachine(record) ? await initOf(machineRuntime(node, record.uuid).group) : await initPid(zoneRuntime(node, record.uuid));
  const booted = pid === undefined ? undefined : await processStartTime(pid);
  const paused = isMachine(record) ? await readPause(node, record.uuid) : undefined;
  return { ...state, ...fixed, pid, zoneid: record.zonedid, boot_timestamp: booted?.toISOString(), paused };
}

async function freeSpaceOf(node: Node, record: VmRecord): Promise<number | undefined> {
  if (record.flexible_disk_size === undefined) return undefined;
  const held = await Promise.all(ownedDisks(record).map(async (disk) => Number((await getProperties(disk.dataset, 'usedbysnapshots'))?.usedbysnapshots ?? 0)));
  return freeSpace(record, held.reduce((total, bytes) => total + bytes, 0));
}

/** How a machine ended that nobody stopped: a stop takes these facts away with everything else of it. */
async function exitFacts(node: Node, uuid: string): Promise<Partial<LiveFacts>> {
  const runtime = machineRuntime(node, uuid);
  const exit = await machineExit(runtime);
  if (!exit) return {};
  return { exit_status: exit.status, exit_timestamp: exit.at.toISOString(), exit_console: await consoleTail(runtime, CONSOLE_LINES) };
}

const CONSOLE_LINES = 20;
