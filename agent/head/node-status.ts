/** A node's status (reference/control-plane §1.5): its instances in short, and what of memory and disk is used. */
import type { Node } from '../../host/config/node-config.ts';
import { dataset } from '../../host/config/units.ts';
import { readFileIfPresent } from '../../host/files/atomic.ts';
import { run } from '../../host/run/run.ts';
import type { VmObject } from '../../vmadm/engine.ts';
import { bootTime } from '../sysinfo/boot-facts.ts';
import type { DiskInfo, MemoryInfo, Status, VmStatus } from '../wire/messages.ts';

/** @param vms all instances of the node, as they are now */
export async function nodeStatus(node: Node, vms: readonly VmObject[]): Promise<Status> {
  const [usage, memory, booted] = await Promise.all([datasetUsage(node), memoryInfo(), bootTime()]);
  const pool = usage.get(node.pool) ?? NONE;
  return {
    vms: Object.fromEntries(vms.filter((vm) => vm['do_not_inventory'] !== true).map((vm) => [vm.uuid, vmStatus(vm)])),
    zpoolStatus: { [node.pool]: { bytes_available: pool.available, bytes_used: pool.used } },
    meminfo: memory,
    diskinfo: diskInfo(node.pool, usage, vms),
    boot_time: new Date(Number(booted) * 1000).toISOString(),
    timestamp: new Date().toISOString(),
  };
}

const SHOWN = ['uuid', 'owner_uuid', 'brand', 'state', 'zone_state', 'cpu_cap', 'max_physical_memory', 'quota', 'last_modified'] as const;

/** An instance in short. */
export function vmStatus(vm: VmObject): VmStatus {
  return Object.fromEntries(SHOWN.flatMap((name) => (vm[name] === undefined ? [] : [[name, vm[name]]]))) as VmStatus;
}

interface Usage {
  readonly used: number;
  readonly available: number;
  readonly quota: number;
}

const NONE: Usage = { used: 0, available: 0, quota: 0 };
const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

/** Space of the pool and of everything directly in it, from one command. */
async function datasetUsage(node: Node): Promise<Map<string, Usage>> {
  const { stdout } = await run(['zfs', 'get', '-Hp', '-r', '-d', '1', '-o', 'name,property,value', 'used,available,quota', dataset(node.pool)]);
  const usage = new Map<string, Record<string, number>>();
  for (const line of stdout.split('\n')) {
    const [name = '', property = '', value = ''] = line.split('\t');
    if (name !== '' && !name.includes('@')) usage.set(name, { ...usage.get(name), [property]: Number(value) || 0 });
  }
  return new Map([...usage].map(([name, values]) => [name, { ...NONE, ...values }]));
}

/** Where the pool's bytes are. Every dataset counts once: a zone's, a machine's, an image's, the cores', or the system's. */
export function diskInfo(pool: string, usage: ReadonlyMap<string, Usage>, vms: readonly VmObject[]): DiskInfo {
  const of = (name: string): Usage => usage.get(`${pool}/${name}`) ?? NONE;
  const total = usage.get(pool) ?? NONE;
  const [machines, zones] = [vms.filter((vm) => vm['hvm'] === true), vms.filter((vm) => vm['hvm'] !== true)];
  const known = new Set([...vms.map(({ uuid }) => uuid), 'cores']);
  const images = [...usage.keys()].map((name) => name.slice(pool.length + 1)).filter((name) => !known.has(name) && (name === 'shifted' || /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(name)));
  const cores = of('cores');
  const used = (names: readonly string[]): number => sum(names.map((name) => of(name).used));
  const [zoneUsed, machineUsed, imagesUsed] = [used(zones.map(({ uuid }) => uuid)), used(machines.map(({ uuid }) => uuid)), used(images)];
  return {
    kvm_zvol_used_bytes: machineUsed,
    kvm_zvol_volsize_bytes: sum(machines.flatMap((vm) => disksOf(vm).map((disk) => numberOf(disk['size']) * MIB))),
    kvm_quota_bytes: sum(machines.map((vm) => numberOf(vm['quota']) * GIB)),
    kvm_quota_used_bytes: 0,
    zone_quota_bytes: sum(zones.map((vm) => numberOf(vm['quota']) * GIB)),
    zone_quota_used_bytes: zoneUsed,
    cores_quota_bytes: cores.quota,
    cores_quota_used_bytes: cores.used,
    installed_images_used_bytes: imagesUsed,
    pool_size_bytes: total.used + total.available,
    pool_alloc_bytes: total.used,
    system_used_bytes: Math.max(0, total.used - zoneUsed - machineUsed - imagesUsed - cores.used),
  };
}

async function memoryInfo(): Promise<MemoryInfo> {
  const [meminfo = '', arcstats = ''] = await Promise.all(['/proc/meminfo', '/proc/spl/kstat/zfs/arcstats'].map(readFileIfPresent));
  const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? 0) * 1024;
  return { availrmem_bytes: bytes('MemAvailable'), arcsize_bytes: Number(/^size\s+\d+\s+(\d+)$/m.exec(arcstats)?.[1] ?? 0), total_bytes: bytes('MemTotal') };
}

function disksOf(vm: VmObject): ReadonlyArray<Readonly<Record<string, unknown>>> {
  return Array.isArray(vm['disks']) ? (vm['disks'] as ReadonlyArray<Readonly<Record<string, unknown>>>) : [];
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
