import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { existsSync } from 'node:fs';
import type { NodeConfig } from '../../host/config/node-config.ts';
import { parseNetwork } from '../../host/net/ipv4.ts';
import type { Networking } from '../../host/net/networking.ts';
import { LEAST_DISKS, type Layout } from '../disks/propose.ts';
import { nodeErrors } from '../errors.ts';

/** What a user may ask of `zonewright setup`; everything unset comes from the last setup, else from the defaults. */
export interface SetupRequest {
  readonly pool?: string;
  readonly disks?: readonly string[];
  /** How a new pool lies on its disks: `single`, which is side by side, unless asked for. */
  readonly layout?: Layout;
  readonly file?: string;
  /** Size of a new pool file in GiB. */
  readonly size?: number;
  readonly mountpoint?: string;
  readonly runDirectory?: string;
  readonly cgroup?: string;
  readonly adminAddress?: string;
  readonly adminInterface?: string;
  /** The networks of a RAM-booted host as a whole, in the place of adminAddress and adminInterface. */
  readonly networking?: Networking;
  /** Who this node is to be, when its head node knows it already; a random uuid otherwise. */
  readonly serverUuid?: string;
  /** Give each disk of a new pool boot partitions, so that the node boots from its own disks. */
  readonly bootable?: boolean;
  /** What the installation that this setup is part of has to do after it; kept in the pool before the node is one. */
  readonly pending?: string;
  readonly adopt?: boolean;
  readonly link?: boolean;
  readonly units?: boolean;
}

/** The same, decided. */
export interface SetupOptions {
  readonly pool: string;
  /** New pool on these disks. */
  readonly disks: readonly string[];
  readonly layout: Layout;
  /** Where the pool's file is or would be made; undefined when the pool is on disks. */
  readonly file: string | undefined;
  readonly size: number | undefined;
  readonly mountpoint: string;
  readonly runDirectory: string;
  readonly cgroup: string;
  /** Address of the host on the admin network; undefined leaves that of an earlier setup. */
  readonly adminAddress: string | undefined;
  /** The host's interface that the admin network is on; undefined leaves that of an earlier setup. */
  readonly adminInterface: string | undefined;
  readonly networking: Networking | undefined;
  readonly pending: string | undefined;
  readonly bootable: boolean;
  readonly adopt: boolean;
  readonly link: boolean;
  readonly units: boolean;
}

export const DEFAULT_ADMIN_ADDRESS = '10.77.0.1/24';
const DEFAULT_POOL = 'zones';
const POOL_FILES = '/var/lib/zonewright';
const GIB = 1024 ** 3;
const LARGEST_GIB = 64;
const SMALLEST_GIB = 2;

/** Fill in what was not asked for. @throws NodeHasPool, PoolNameInvalid, AddressInvalid, TooFewDisks */
export function decideOptions(request: SetupRequest, last: NodeConfig | undefined): SetupOptions {
  const pool = request.pool ?? last?.pool ?? DEFAULT_POOL;
  requirePoolName(pool);
  if (last && last.pool !== pool) throw nodeErrors.NodeHasPool({ pool: last.pool, other: pool });
  if (request.adminAddress !== undefined) parseNetwork(request.adminAddress);
  const disks = request.disks ?? [];
  const layout = request.layout ?? 'single';
  if (request.layout !== undefined && disks.length < LEAST_DISKS[layout]) throw nodeErrors.TooFewDisks({ layout, least: LEAST_DISKS[layout], count: disks.length });
  const ownFile = last ? last.poolFile : disks.length === 0 ? `${POOL_FILES}/${pool}.img` : undefined;
  return {
    pool,
    disks,
    layout,
    file: request.file ?? ownFile,
    size: request.size,
    mountpoint: request.mountpoint ?? last?.mountpoint ?? `/${pool}`,
    runDirectory: request.runDirectory ?? last?.runDirectory ?? '/run/zonewright',
    cgroup: request.cgroup ?? last?.cgroup ?? 'zonewright',
    adminAddress: request.adminAddress,
    adminInterface: request.adminInterface,
    networking: request.networking,
    pending: request.pending,
    bootable: request.bootable ?? false,
    adopt: request.adopt ?? false,
    link: request.link ?? false,
    units: request.units ?? true,
  };
}

/** Bytes of a new pool file: as asked, else 60 % of what is free, at most 64 GiB; the file is sparse. @throws NoSpace */
export async function poolFileSize(path: string, asked: number | undefined): Promise<number> {
  const free = await freeBytes(path);
  const size = asked === undefined ? Math.min(LARGEST_GIB * GIB, Math.floor((free * 0.6) / GIB) * GIB) : asked * GIB;
  const needed = Math.max(SMALLEST_GIB * GIB, asked === undefined ? 0 : Math.min(size, SMALLEST_GIB * GIB));
  if (free < needed / 0.6 || size < SMALLEST_GIB * GIB) {
    throw nodeErrors.NoSpace({ path: dirname(path), free: (free / GIB).toFixed(1), needed: Math.ceil(needed / 0.6 / GIB) });
  }
  return size;
}

async function freeBytes(path: string): Promise<number> {
  let directory = dirname(path);
  while (!existsSync(directory)) directory = dirname(directory);
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

function requirePoolName(pool: string): void {
  const reason = /^[a-z][A-Za-z0-9_.-]{0,63}$/.test(pool) ? reservedReason(pool) : 'it has a lower-case letter, then letters, digits, "_", "." and "-"';
  if (reason !== undefined) throw nodeErrors.PoolNameInvalid({ pool: JSON.stringify(pool).slice(1, -1), reason });
}

function reservedReason(pool: string): string | undefined {
  return /^(mirror|raidz|draid|spare|log|c[0-9])/.test(pool) ? 'ZFS keeps that word for itself' : undefined;
}
