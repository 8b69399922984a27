/** A node that only exists in memory, for tests and for the simulation of a fleet: its agent's protocol code is the real one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { imgadmErrors } from '../../imgadm/errors.ts';
import type { VmObject } from '../../vmadm/engine.ts';
import type { ImageFacts } from '../../vmadm/payload/index.ts';
import type { NodeChange, NodeFacts } from '../head/facts.ts';
import { diskInfo, vmStatus } from '../head/node-status.ts';
import { AGENT } from '../sysinfo/sysinfo.ts';
import type { TaskHost } from '../tasks/host.ts';
import type { Sysinfo } from '../wire/sysinfo.ts';
import { newSimulatedEngine } from './engine.ts';

export interface SimulatedNodeOptions {
  readonly uuid: string;
  readonly hostname?: string;
  readonly memoryMib?: number;
  readonly poolGib?: number;
  readonly cpus?: number;
  /** An address on the admin network, for the sysinfo document. */
  readonly adminIp?: string;
  readonly nicTags?: readonly string[];
  /** Milliseconds that a change of an instance takes. */
  readonly latency?: number;
  /** What the sources of images would say of one; nothing unless given. */
  findImage?(uuid: string): Promise<unknown>;
  /** Called when it is told to reboot. */
  leave?(): void;
}

export interface SimulatedNode {
  readonly facts: NodeFacts;
  readonly host: TaskHost;
  /** Install an image. */
  addImage(uuid: string, image: ImageFacts): void;
}

const GIB = 1024 ** 3;

export function newSimulatedNode(options: SimulatedNodeOptions): SimulatedNode {
  const { uuid, hostname = `sim-${uuid.slice(0, 8)}`, memoryMib = 65_536, poolGib = 1000, cpus = 16, adminIp, nicTags = ['admin', 'external'], latency = 0 } = options;
  const images = new Map<string, ImageFacts>();
  const listeners = new Set<(change: NodeChange) => void>();
  const booted = new Date();
  const engine = newSimulatedEngine({
    serverUuid: uuid,
    facts: { findImage: (image) => images.get(image), poolExists: (name) => name === 'zones', nicTagExists: (tag) => nicTags.includes(tag), defaultPool: 'zones' },
    latency: async () => void (latency > 0 && (await sleep(latency))),
    onChange: (vm) => listeners.forEach((listener) => listener({ what: 'vm', uuid: vm })),
  });
  const sysinfo: Sysinfo = {
    'Live Image': '20260101T000000Z',
    'System Type': 'Linux',
    'Boot Time': String(Math.floor(booted.getTime() / 1000)),
    'SDC Version': '7.0',
    Manufacturer: 'Zonewright',
    Product: 'simulated node',
    'VM Capable': true,
    'Bhyve Capable': true,
    'CPU Type': 'simulated',
    'CPU Virtualization': 'none',
    'CPU Physical Cores': 1,
    'CPU Total Cores': cpus,
    'CPU Socket Count': 1,
    'CPU Core Count': cpus,
    'CPU Online Count': cpus,
    'CPU Count': cpus,
    'MiB of Memory': String(memoryMib),
    Zpool: 'zones',
    'Zpool Disks': 'sim0',
    'Zpool Profile': 'striped',
    'Zpool Creation': Math.floor(booted.getTime() / 1000),
    'Zpool Size in GiB': poolGib,
    'Zpool Encrypted': false,
    UUID: uuid,
    Hostname: hostname,
    Setup: 'true',
    Disks: { sim0: { 'Size in GB': poolGib } },
    'Admin NIC Tag': 'admin',
    ...(adminIp !== undefined && { 'Admin IP': adminIp }),
    'Network Interfaces': { sim0: { 'MAC Address': macOf(uuid), ip4addr: adminIp ?? '', 'Link Status': 'up', 'NIC Names': [...nicTags] } },
    'Virtual Network Interfaces': {},
    'Link Aggregations': {},
    'Boot Parameters': {},
    'SDC Agents': [AGENT],
  };

  async function ensure({ uuid: image, manifest }: { readonly uuid: string; readonly manifest?: unknown }): Promise<void> {
    if (images.has(image)) return;
    const found = imageFactsOf(manifest) ?? imageFactsOf(await options.findImage?.(image));
    if (!found) throw imgadmErrors.ImageNotFound({ uuid: image });
    images.set(image, found);
  }

  const usage = (vms: readonly VmObject[]) => {
    const quotas = vms.map((vm) => [`zones/${vm.uuid}`, { used: 64 * 1024 ** 2, available: 0, quota: Number(vm['quota'] ?? 0) * GIB }] as const);
    const used = quotas.reduce((sum, [, { used: bytes }]) => sum + bytes, 0);
    return new Map([['zones', { used, available: poolGib * GIB - used, quota: 0 }], ...quotas]);
  };

  return {
    addImage: (image, facts) => void images.set(image, facts),
    host: {
      serverUuid: uuid,
      pool: 'zones',
      images: { ensure },
      engine: async () => engine,
      sysinfo: async () => sysinfo,
      execute: async () => ({ err: null, exitCode: 0, signal: null, stdout: '', stderr: '' }),
      leave: () => options.leave?.(),
      markForFactoryReset: async () => undefined,
      settle: async () => undefined,
    },
    facts: {
      uuid,
      sysinfo: async () => sysinfo,
      agents: async () => [{ ...AGENT, uuid }],
      async status() {
        const vms = await engine.list();
        const used = usage(vms);
        const taken = vms.filter(({ state }) => state === 'running').reduce((sum, vm) => sum + Number(vm['max_physical_memory'] ?? 0) * 1024 ** 2, 0);
        return {
          vms: Object.fromEntries(vms.filter((vm) => vm['do_not_inventory'] !== true).map((vm) => [vm.uuid, vmStatus(vm)])),
          zpoolStatus: { zones: { bytes_available: used.get('zones')?.available ?? 0, bytes_used: used.get('zones')?.used ?? 0 } },
          meminfo: { availrmem_bytes: memoryMib * 1024 ** 2 - taken, arcsize_bytes: 0, total_bytes: memoryMib * 1024 ** 2 },
          diskinfo: diskInfo('zones', used, vms),
          boot_time: booted.toISOString(),
          timestamp: new Date().toISOString(),
        };
      },
      vms: () => engine.list(),
      vm: async (wanted) => (await engine.list()).find((vm) => vm.uuid === wanted),
      onChange(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    },
  };
}

/** What payloads are checked against, from a manifest. */
function imageFactsOf(manifest: unknown): ImageFacts | undefined {
  if (typeof manifest !== 'object' || manifest === null || !('type' in manifest) || typeof manifest.type !== 'string') return undefined;
  return manifest as ImageFacts;
}

/** A locally administered address that is the node's own. */
function macOf(uuid: string): string {
  return ['02', ...(uuid.replaceAll('-', '').slice(-10).match(/../g) ?? [])].join(':');
}
