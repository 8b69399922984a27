/** Where a zone's processes are counted and limited. */
import { childGroups, processesIn } from '../cgroup/groups.ts';

/** Where a zone's runtime state lies. */
export interface ZoneRuntime {
  readonly uuid: string;
  /** The directory that holds one directory per zone. */
  readonly lxcDirectory: string;
  /** The cgroup that holds one group per zone, relative to init's. */
  readonly cgroup: string;
}

/** The group that holds a zone's processes and its limits. */
export function payloadGroup(zone: Pick<ZoneRuntime, 'uuid' | 'cgroup'>): string {
  return `${zone.cgroup}/${zone.uuid}/lxc.payload.${zone.uuid}`;
}

/** Whether any process of the zone is alive. */
export async function isZoneRunning(zone: Pick<ZoneRuntime, 'uuid' | 'cgroup'>): Promise<boolean> {
  return (await processesIn(payloadGroup(zone))).length > 0;
}

/** Which of many zones have a group at all, from one look at the cgroup; those without do not run. */
export async function zonesWithGroups(cgroup: string): Promise<ReadonlySet<string>> {
  return new Set(await childGroups(cgroup));
}
