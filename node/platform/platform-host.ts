import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadNode, type Node } from '../../host/config/node-config.ts';
import { PLATFORM_FILE } from '../../host/config/platform.ts';
import { readFileIfPresent } from '../../host/files/atomic.ts';
import { withLock } from '../../host/lock/lock.ts';
import { IMAGE_KEYS, trustedKeys, type TrustedKey } from '../../host/signature/keys.ts';
import { findBootPartitions } from './find-boot-partitions.ts';
import { isStamp, type Stamp } from './stamp.ts';

/** What the kernel and the platform image say of this boot. */
export interface ThisBoot {
  /** The image that runs; undefined on a host that does not run from memory. */
  readonly stamp: Stamp | undefined;
  /** Whether GRUB on one of the pool's disks started it; otherwise the network, a CD or a USB stick did. */
  readonly fromDisk: boolean;
  /** Seconds that it has to prove itself, when it is on trial. */
  readonly trialSeconds: number | undefined;
  readonly bootId: string;
}

/** What commands about platform images work on. */
export interface PlatformHost {
  readonly node: Node;
  readonly boot: ThisBoot;
  /** Boot partitions of the pool's disks, as mtools names them. */
  readonly partitions: readonly string[];
  /** Where keys are that sign platform images: first the image's own, then the operator's. */
  readonly keyDirectories: readonly [image: string, operator: string];
}

/** This node. @throws NodeNotReady */
export async function openPlatformHost(): Promise<PlatformHost> {
  const node = await loadNode();
  const [boot, partitions] = await Promise.all([thisBoot(), findBootPartitions(node.pool)]);
  return { node, boot, partitions, keyDirectories: [IMAGE_KEYS, join(node.paths.config, 'platform-keys')] };
}

export function keysOf({ keyDirectories }: PlatformHost): Promise<TrustedKey[]> {
  return trustedKeys(keyDirectories);
}

/** One of them at a time changes images or what is booted. @throws LockTimeout */
export function alone<Result>({ node }: PlatformHost, action: string, work: () => Promise<Result>): Promise<Result> {
  return withLock({ scope: node.paths.config, name: 'platform images', action }, work);
}

async function thisBoot(): Promise<ThisBoot> {
  const [identity, commandLine = '', bootId = ''] = await Promise.all([PLATFORM_FILE, '/proc/cmdline', '/proc/sys/kernel/random/boot_id'].map(readFileIfPresent));
  const words = commandLine.trim().split(/\s+/);
  const trial = words.map((word) => /^zonewright\.trial=(\d{1,6})$/.exec(word)?.[1]).find((seconds) => seconds !== undefined);
  return { stamp: stampIn(identity), fromDisk: words.includes('zonewright.boot=disk'), trialSeconds: trial === undefined ? undefined : Number(trial), bootId: bootId.trim() };
}

function stampIn(identity: string | undefined): Stamp | undefined {
  if (identity === undefined) return undefined;
  const { version } = JSON.parse(identity) as { version?: unknown };
  return isStamp(version) ? version : undefined;
}

/** Seconds since this host was started. */
export async function uptime(): Promise<number> {
  return Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0]);
}
