/**
 * What a server has, what is promised of it, and what is left (control-plane §2.7).
 *
 * ram: the server's memory without the part that is its own (`reservation_ratio`), less what its VMs may use and QEMU needs beside
 * each machine. disk: 0.94 of the pool, less its own part, images, quotas and machines' disks. cpu: 100 for each logical processor,
 * less the caps. What a VM may use counts divided by the server's `overprovision_ratios`.
 */
import type { Server, WireObject } from '../services.ts';
import { numberIn, objectOf } from './figures.ts';
import { HVM_OVERHEAD, type Resources } from './need.ts';

/** A server as placement looks at it; made once for each report of the server. */
export interface Candidate {
  readonly server: Server;
  readonly ratios: Resources;
  /** All of it that VMs may have. */
  readonly total: Resources;
  /** What the VMs that it reports have. */
  readonly used: Resources;
  readonly vms: ReadonlySet<string>;
  /** How many VMs of each owner. */
  readonly owners: ReadonlyMap<string, number>;
  /** VMs without a cpu_cap, which may take all processors. */
  readonly uncapped: number;
  /** Nic tags, with whether their link is up. */
  readonly tags: ReadonlyMap<string, boolean>;
}

/** A place that is promised to a VM which its server may not report yet. Resources as in a need. */
export interface Reservation extends Resources {
  readonly vmUuid: string;
  readonly serverUuid: string;
  readonly owner: string | undefined;
}

/** A candidate with the reservations on it. */
export interface Standing {
  readonly candidate: Candidate;
  readonly free: Resources;
  readonly vmCount: number;
  readonly ownersVms: number;
  readonly uncapped: number;
  readonly capped: number;
}

/** Overprovisioning where neither the server nor the operator says otherwise. */
export const DEFAULT_RATIOS: Resources = { cpu: 4, ram: 1, disk: 1 };

const MEBIBYTE = 1024 * 1024;
const DEFAULT_RESERVATION_RATIO = 0.15;
const USABLE_POOL = 0.94;
/** The pool's own part, MiB: 10 GiB as in the field, but of a small pool no more than a tenth. */
const POOL_RESERVE = 10 * 1024;
const POOL_RESERVE_PART = 0.1;

export function candidateOf(server: Server, defaults: Resources = DEFAULT_RATIOS): Candidate {
  const { sysinfo } = server;
  const ratios = ratiosOf(server, defaults);
  const vms = Object.entries(server.vms);
  const owners = new Map<string, number>();
  const used = { cpu: 0, ram: 0, disk: bytesIn(server, 'disk_kvm_zvol_volsize_bytes') + bytesIn(server, 'disk_installed_images_used_bytes') };
  for (const [, vm] of vms) {
    used.cpu += numberIn(vm, 'cpu_cap') ?? 0;
    used.ram += (numberIn(vm, 'max_physical_memory') ?? 0) + (HVM_OVERHEAD[String(vm['brand'])] ?? 0);
    used.disk += (numberIn(vm, 'quota') ?? 0) * 1024;
    const owner = vm['owner_uuid'];
    if (typeof owner === 'string') owners.set(owner, (owners.get(owner) ?? 0) + 1);
  }
  const ownPart = numberIn(server, 'reservation_ratio') ?? DEFAULT_RESERVATION_RATIO;
  const pool = bytesIn(server, 'disk_pool_size_bytes') || (numberIn(sysinfo, 'Zpool Size in GiB') ?? 0) * 1024;
  return {
    server,
    ratios,
    total: {
      cpu: (numberIn(sysinfo, 'CPU Total Cores') ?? 0) * 100,
      ram: (server.memory_total_bytes / MEBIBYTE) * (1 - ownPart),
      disk: Math.max(0, pool * USABLE_POOL - Math.min(POOL_RESERVE, pool * POOL_RESERVE_PART)),
    },
    used: divide(used, ratios),
    vms: new Set(vms.map(([uuid]) => uuid)),
    owners,
    uncapped: vms.filter(([, vm]) => !((numberIn(vm, 'cpu_cap') ?? 0) > 0)).length,
    tags: tagsOf(sysinfo),
  };
}

/** Add what is reserved. A VM that its server reports counts by the report. */
export function standingOf(candidate: Candidate, reservations: readonly Reservation[], owner?: string): Standing {
  const { total, used, vms, owners } = candidate;
  const free = { cpu: total.cpu - used.cpu, ram: total.ram - used.ram, disk: total.disk - used.disk };
  let ownersVms = owner === undefined ? 0 : (owners.get(owner) ?? 0);
  let pending = 0;
  let pendingUncapped = 0;
  for (const reservation of reservations) {
    if (vms.has(reservation.vmUuid)) continue;
    const promised = divide(reservation, candidate.ratios);
    free.cpu -= promised.cpu;
    free.ram -= promised.ram;
    free.disk -= promised.disk;
    pending += 1;
    if (reservation.cpu === 0) pendingUncapped += 1;
    if (owner !== undefined && reservation.owner === owner) ownersVms += 1;
  }
  return {
    candidate,
    free,
    vmCount: vms.size + pending,
    ownersVms,
    uncapped: candidate.uncapped + pendingUncapped,
    capped: vms.size - candidate.uncapped + pending - pendingUncapped,
  };
}

/** What `POST /capacity` says: a VM without a cap leaves no processor that could be promised. */
export function capacityOf({ free, uncapped }: Standing): Resources {
  return { cpu: uncapped > 0 ? 0 : Math.floor(free.cpu), ram: Math.floor(free.ram), disk: Math.floor(free.disk) };
}

export function divide({ cpu, ram, disk }: Resources, by: Resources): { cpu: number; ram: number; disk: number } {
  return { cpu: cpu / by.cpu, ram: ram / by.ram, disk: disk / by.disk };
}

function ratiosOf(server: Server, defaults: Resources): Resources {
  const own = objectOf(server['overprovision_ratios']);
  const ratio = (resource: keyof Resources): number => {
    const value = numberIn(own, resource);
    return value !== undefined && value > 0 ? value : defaults[resource];
  };
  return { cpu: ratio('cpu'), ram: ratio('ram'), disk: ratio('disk') };
}

/** A tag is there when any interface carries it; its link is up when one of them is. */
function tagsOf(sysinfo: WireObject): Map<string, boolean> {
  const tags = new Map<string, boolean>();
  const interfaces = [...Object.values(objectOf(sysinfo['Network Interfaces'])), ...Object.values(objectOf(sysinfo['Virtual Network Interfaces']))].map(objectOf);
  for (const one of interfaces) {
    const names = [one['NIC Names'], one['Overlay Nic Tags']].flatMap((list) => (Array.isArray(list) ? list : []));
    for (const name of names) tags.set(String(name), tags.get(String(name)) === true || one['Link Status'] !== 'down');
  }
  return tags;
}

function bytesIn(server: Server, property: string): number {
  return (numberIn(server, property) ?? 0) / MEBIBYTE;
}
