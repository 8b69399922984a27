/** Servers as a head node knows them, for placement to choose from; reports are told by hand. */
import { randomUUID } from 'node:crypto';
import type { Server, ServerReport, Servers, WireObject } from '../../../headnode/services.ts';

const GIBIBYTE = 1024 ** 3;

export interface ServerOptions {
  readonly uuid?: string;
  /** GiB. */
  readonly memory?: number;
  /** GiB. */
  readonly pool?: number;
  readonly processors?: number;
  readonly sysinfo?: WireObject;
  readonly vms?: Readonly<Record<string, WireObject>>;
  readonly tags?: Readonly<Record<string, 'up' | 'down'>>;
  readonly [property: string]: unknown;
}

export function server({ uuid = randomUUID(), memory = 64, pool = 1000, processors = 16, sysinfo = {}, vms = {}, tags = { admin: 'up', external: 'up' }, ...more }: ServerOptions = {}): Server {
  const interfaces = Object.entries(tags).map(([tag, link], index) => [`eth${index}`, { 'MAC Address': `00:00:00:00:00:0${index + 1}`, ip4addr: '', 'Link Status': link, 'NIC Names': [tag] }]);
  return {
    uuid,
    hostname: uuid.slice(0, 8),
    status: 'running',
    setup: true,
    headnode: false,
    reserved: false,
    reservation_ratio: 0.15,
    disk_pool_size_bytes: pool * GIBIBYTE,
    memory_total_bytes: memory * GIBIBYTE,
    memory_available_bytes: memory * GIBIBYTE,
    memory_provisionable_bytes: 0,
    vms,
    ...more,
    sysinfo: { UUID: uuid, 'System Type': 'Linux', 'Live Image': '20260101T000000Z', 'CPU Total Cores': processors, 'VM Capable': true, 'Network Interfaces': Object.fromEntries(interfaces), ...sysinfo },
  };
}

export interface ToldServers extends Pick<Servers, 'list' | 'onReport'> {
  /** What the nodes say from now on. */
  tell(servers: readonly Server[]): Promise<void>;
}

export function toldServers(first: readonly Server[]): ToldServers {
  let known = first;
  const listeners: Array<(report: ServerReport) => Promise<void>> = [];
  return {
    list: async () => known,
    onReport: (listener) => void listeners.push(listener),
    async tell(servers) {
      known = servers;
      for (const { uuid, status, vms } of servers) for (const listener of listeners) await listener({ serverUuid: uuid, status, vms });
    },
  };
}

/** A VM's payload; memory in MiB, quota in GiB. */
export function vm(more: WireObject = {}): WireObject & { readonly uuid: string } {
  return { uuid: randomUUID(), owner_uuid: '930896af-bf8c-48d4-885c-6573a94b1853', brand: 'lx', max_physical_memory: 1024, quota: 10, cpu_cap: 100, ...more };
}
