import type { DiskInfo, MemoryInfo, Sysinfo } from '../../agent/wire/index.ts';
import type { Server, ServerStatus, WireObject } from '../services.ts';

/** A row of `servers`. */
export interface ServerRow {
  readonly uuid: string;
  readonly hostname: string;
  readonly setup: boolean;
  readonly headnode: boolean;
  readonly reserved: boolean;
  readonly reservoir: boolean;
  readonly status: ServerStatus;
  readonly transitional_status: string;
  readonly record: WireObject;
  readonly sysinfo: Sysinfo;
  readonly figures: { readonly meminfo?: MemoryInfo; readonly diskinfo?: DiskInfo; readonly zpoolStatus?: Readonly<Record<string, { bytes_available: number; bytes_used: number }>> };
  readonly vms: Readonly<Record<string, WireObject>>;
  readonly boot_id: string | null;
  readonly sequence: number;
  readonly head: string | null;
  readonly last_heartbeat: Date | null;
  readonly last_boot: Date | null;
  readonly created: Date;
}

export const SERVER_COLUMNS =
  'uuid, hostname, setup, headnode, reserved, reservoir, status, transitional_status, record, sysinfo, figures, vms, boot_id, sequence, head, last_heartbeat, last_boot, created';

const MEBIBYTE = 1024 * 1024;
const GIBIBYTE = 1024 * MEBIBYTE;
const RESERVATION_RATIO = 0.15;

/** CNAPI's server object (control-plane §2.2), with what is computed on reading. */
export function serverObject(row: ServerRow): Server {
  const { uuid, hostname, setup, headnode, reserved, reservoir, sysinfo, figures, vms } = row;
  return {
    ...DEFAULTS,
    ...row.record,
    ...memoryOf(row),
    ...disksOf(figures.diskinfo ?? {}),
    ...unreservedOf(row),
    uuid,
    hostname,
    setup,
    headnode,
    reserved,
    reservoir,
    status: shownStatus(row),
    transitional_status: row.transitional_status,
    sysinfo,
    vms,
    zpools: figures.zpoolStatus ?? {},
    created: row.created.toISOString(),
    last_boot: row.last_boot?.toISOString() ?? null,
    last_heartbeat: row.last_heartbeat?.toISOString() ?? null,
  };
}

const DEFAULTS = { agents: [], boot_modules: [], boot_params: {}, boot_platform: '', comments: '', default_console: 'serial', serial: 'ttyb', kernel_flags: {}, overprovision_ratios: {}, rack_identifier: '', reservation_ratio: RESERVATION_RATIO, setting_up: false, traits: {} };

/** A server that does not answer while it is on its way somewhere shows that way (§2.3). */
function shownStatus({ status, transitional_status }: ServerRow): ServerStatus {
  return status === 'unknown' && transitional_status !== '' ? (transitional_status as ServerStatus) : status;
}

function memoryOf(row: ServerRow) {
  const { total_bytes, availrmem_bytes, arcsize_bytes } = row.figures.meminfo ?? {};
  const total = total_bytes ?? Number(row.sysinfo['MiB of Memory'] ?? 0) * MEBIBYTE;
  const ratio = typeof row.record['reservation_ratio'] === 'number' ? row.record['reservation_ratio'] : RESERVATION_RATIO;
  const promised = sum(row, 'max_physical_memory') * MEBIBYTE;
  return {
    memory_total_bytes: total,
    memory_available_bytes: availrmem_bytes ?? total,
    memory_arc_bytes: arcsize_bytes ?? 0,
    memory_provisionable_bytes: Math.floor(total * (1 - ratio) - promised),
  };
}

function disksOf(diskinfo: DiskInfo) {
  return {
    disk_kvm_zvol_used_bytes: diskinfo.kvm_zvol_used_bytes ?? 0,
    disk_kvm_zvol_volsize_bytes: diskinfo.kvm_zvol_volsize_bytes ?? 0,
    disk_kvm_quota_bytes: diskinfo.kvm_quota_bytes ?? 0,
    disk_kvm_quota_used_bytes: diskinfo.kvm_quota_used_bytes ?? 0,
    disk_zone_quota_bytes: diskinfo.zone_quota_bytes ?? 0,
    disk_zone_quota_used_bytes: diskinfo.zone_quota_used_bytes ?? 0,
    disk_cores_quota_bytes: diskinfo.cores_quota_bytes ?? 0,
    disk_cores_quota_used_bytes: diskinfo.cores_quota_used_bytes ?? 0,
    disk_installed_images_used_bytes: diskinfo.installed_images_used_bytes ?? 0,
    disk_pool_size_bytes: diskinfo.pool_size_bytes ?? 0,
    disk_pool_alloc_bytes: diskinfo.pool_alloc_bytes ?? 0,
    disk_system_used_bytes: diskinfo.system_used_bytes ?? 0,
  };
}

/** Percent of a core, MiB, MiB (§2.7): what new instances may still be promised. An instance without a cap may take all processors. */
function unreservedOf(row: ServerRow) {
  const caps = Object.values(row.vms).map(({ cpu_cap }) => (typeof cpu_cap === 'number' ? cpu_cap : Number.POSITIVE_INFINITY));
  const cpu = Number(row.sysinfo['CPU Total Cores'] ?? 0) * 100 - caps.reduce((total, cap) => total + cap / CPU_OVERPROVISION, 0);
  const pool = row.figures.diskinfo?.pool_size_bytes ?? Number(row.sysinfo['Zpool Size in GiB'] ?? 0) * GIBIBYTE;
  return {
    unreserved_cpu: Math.max(0, Math.floor(cpu)),
    unreserved_ram: Math.max(0, Math.floor(memoryOf(row).memory_provisionable_bytes / MEBIBYTE)),
    unreserved_disk: Math.max(0, Math.floor((pool * USABLE_POOL) / MEBIBYTE - sum(row, 'quota') * 1024)),
  };
}

const CPU_OVERPROVISION = 4;
const USABLE_POOL = 0.94;

function sum({ vms }: ServerRow, property: string): number {
  return Object.values(vms).reduce((total, vm) => total + (typeof vm[property] === 'number' ? vm[property] : 0), 0);
}
