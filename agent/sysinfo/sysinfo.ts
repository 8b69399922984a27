/** The node's sysinfo document (reference/control-plane §1.6): what it is, looked up now. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname, totalmem } from 'node:os';
import { join } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import type { Node } from '../../host/config/node-config.ts';
import { PLATFORM_FILE, platformStamp } from '../../host/config/platform.ts';
import { dataset, isUuid } from '../../host/config/units.ts';
import { readNicTags } from '../../host/net/nic-tags.ts';
import { accelerator } from '../../host/qemu/accelerator.ts';
import { getProperties } from '../../host/zfs/zfs.ts';
import type { Sysinfo } from '../wire/sysinfo.ts';
import { bootParameters, bootTime } from './boot-facts.ts';
import { networkFacts } from './networks.ts';
import { processorsOf } from './processors.ts';
import { smbiosFacts, smbiosUuid } from './smbios.ts';
import { disks, poolFacts } from './storage.ts';

/** What speaks for the node to its head node. */
export const AGENT = { name: 'zonewright-agent', version: manifest.version } as const;

/** @param node undefined for a host that is not set up: then what it is to become a node of is missing. */
export async function sysinfoOf(node: Node | undefined): Promise<Sysinfo> {
  const parameters = await bootParameters();
  const machinesRun = existsSync('/usr/bin/qemu-system-x86_64');
  return {
    'Live Image': await platformStamp(),
    'System Type': 'Linux',
    'Boot Time': await bootTime(),
    'SDC Version': '7.0',
    ...(await smbiosFacts()),
    'VM Capable': machinesRun,
    'Bhyve Capable': machinesRun,
    ...(machinesRun && { 'Bhyve Max Vcpus': MOST_VCPUS, 'HVM API': true }),
    'CPU Acceleration': accelerator().name,
    ...processorsOf(await readFile('/proc/cpuinfo', 'utf8')),
    'MiB of Memory': String(Math.floor(totalmem() / 1024 ** 2)),
    ...(node && (await poolFacts(node))),
    UUID: await uuidOf(node, parameters),
    Hostname: hostname(),
    ...(parameters['datacenter_name'] !== undefined && { 'Datacenter Name': parameters['datacenter_name'] }),
    ...(parameters['headnode_id'] !== undefined && { 'Headnode ID': parameters['headnode_id'] }),
    Setup: node ? 'true' : 'false',
    Disks: await disks(),
    ...(await networkFacts(node ? await readNicTags(node) : {})),
    'Boot Parameters': { ...(node && isBootedHead(node) && { headnode: 'true' }), ...parameters },
    'SDC Agents': [AGENT],
  };
}

/** A node that boots from its own disks is not told by its kernel's parameters that it is a head node, as SmartOS is: its pool says so. */
function isBootedHead(node: Node): boolean {
  return existsSync(PLATFORM_FILE) && existsSync(join(node.mountpoint, 'head', 'config.json'));
}

/** A node under its present name, which may have come with the boot or with the pool's disks. */
export async function namedNode(node: Node): Promise<Node> {
  return { ...node, serverUuid: await uuidOf(node, await bootParameters()) };
}

async function uuidOf(node: Node | undefined, parameters: Readonly<Record<string, string>>): Promise<string> {
  return serverUuid({ override: parameters['override_uuid'], pool: node && (await uuidOfPool(node)), configured: node?.serverUuid, smbios: await smbiosUuid() });
}

/** What payloads allow (docs/properties.md). */
const MOST_VCPUS = 1024;

/**
 * Which machine this is: what the boot said, what the pool says (it may have moved here with its disks), what setup decided, what the
 * hardware says. Values that are no uuid do not count.
 */
export function serverUuid(sources: { readonly [source in 'override' | 'pool' | 'configured' | 'smbios']: string | undefined }): string {
  const { override, pool, configured, smbios } = sources;
  return [override?.toLowerCase(), pool, configured, smbios].find(isUuid) ?? NOBODY;
}

/** A host without hardware tables that is not set up has no name yet. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

async function uuidOfPool(node: Node): Promise<string | undefined> {
  return (await getProperties(dataset(node.pool, 'var'), 'org.smartos:server_uuid'))?.['org.smartos:server_uuid'];
}
