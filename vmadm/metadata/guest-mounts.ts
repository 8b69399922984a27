/**
 * What a zone gets from the host at boot besides its root: the directory with its metadata socket, the tools that ask
 * there, cloud-init's seed where the image has cloud-init, and a DHCP client where a nic needs one. All of it is mounted read-only.
 *
 * The places they are mounted on are made here, below a root whose every name is the guest's. LXC's own `create=` would
 * follow a link that the guest made on the way there. A place that cannot be made is left out, and the mounts are
 * optional: what a guest does to its own directories keeps it from its metadata and not from booting.
 */
import { chmod, chown, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { isErrorCode, isSystemError } from '../../host/errors/errors.ts';
import { writeFileAtomically } from '../../host/files/atomic.ts';
import { kindBeneath, makeDirectoryBeneath, writeFileBeneath, type Ownership } from '../../host/files/beneath.ts';
import type { MountEntry } from '../../host/lxc/config.ts';
import { BUSYBOX, DHCP_DIRECTORY, DHCP_SCRIPT, leaseScript, wantsDhcp } from '../brands/dhcp-client.ts';
import type { VmRecord } from '../payload/index.ts';
import { findGuestTools, GUEST_TOOL_NAMES } from './guest-tools.ts';
import { nocloudSeed } from './nocloud-seed.ts';
import { serviceDirectory, zoneDirectory } from './service-paths.ts';

/** Where guests of SmartOS look for the socket: `joyent` brands, then `lx`. */
const SOCKET_DIRECTORIES = ['.zonecontrol', 'native/.zonecontrol'];
const LEGACY_PARENT = 'var/run';
const LEGACY_DIRECTORY = 'var/run/smartdc';
const TOOLS_DIRECTORY = 'native/usr/sbin';
/** An image with cloud-init has the first and looks into the second. */
const CLOUD_INIT = 'etc/cloud';
const SEED_DIRECTORY = 'var/lib/cloud/seed/nocloud';

/** Make the directory that holds those of all zones. LXC passes through it as a zone's root; nobody can list it. */
export async function prepareServiceDirectory(node: Node): Promise<void> {
  await mkdir(serviceDirectory(node), { recursive: true });
  await chmod(serviceDirectory(node), 0o711);
}

/**
 * Make the directory that a zone sees. Its own root may look into it, and no other user of the zone or of the host.
 * @param group the host's id of the zone's root
 */
export async function prepareZoneDirectory(node: Node, record: VmRecord, group: number): Promise<void> {
  await prepareServiceDirectory(node);
  const directory = zoneDirectory(node, record.uuid);
  const seed = join(directory, SEED);
  for (const path of [directory, seed]) {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await chown(path, 0, group);
    await chmod(path, 0o750);
  }
  const files = nocloudSeed(record);
  for (const name of await readdir(seed)) if (!files.has(name)) await rm(join(seed, name), { force: true });
  for (const [name, content] of files) {
    await writeFileAtomically(join(seed, name), content, { durable: false });
    await chown(join(seed, name), 0, group);
    await chmod(join(seed, name), 0o640);
  }
  if (wantsDhcp(record)) await writeLeaseScript(directory, record, group);
}

async function writeLeaseScript(directory: string, record: VmRecord, group: number): Promise<void> {
  const path = join(directory, DHCP_SCRIPT);
  await writeFileAtomically(path, leaseScript(record), { durable: false });
  await chown(path, 0, group);
  await chmod(path, 0o750);
}

/** The seed's directory in the zone's. */
const SEED = 'nocloud';

/**
 * Make the mount points in a zone's root, where they are missing, and say what is mounted on them.
 * @param owner the owner on disk of what the zone's root owns
 */
export async function prepareGuestMounts(node: Node, record: VmRecord, root: string, owner: Ownership): Promise<MountEntry[]> {
  const made: MountEntry[] = [];
  for (const { source, target, kind, executable } of await wantedMounts(zoneDirectory(node, record.uuid), record, root)) {
    if (!(await makeTarget(root, target, kind, owner))) continue;
    made.push({ source, target, type: 'none', options: ['bind', 'ro', 'nosuid', 'nodev', ...(executable ? [] : ['noexec']), 'optional'] });
  }
  return made;
}

async function wantedMounts(directory: string, record: VmRecord, root: string): Promise<Wanted[]> {
  const tools = await findGuestTools();
  const legacy = (await kindOf(root, LEGACY_PARENT)) === 'directory' ? [LEGACY_DIRECTORY] : [];
  const seeds = (await kindOf(root, CLOUD_INIT)) === 'directory' ? [SEED_DIRECTORY] : [];
  return [
    ...[...SOCKET_DIRECTORIES, ...legacy].map((target): Wanted => ({ source: directory, target, kind: 'directory', executable: false })),
    ...seeds.map((target): Wanted => ({ source: join(directory, SEED), target, kind: 'directory', executable: false })),
    ...(tools === undefined ? [] : await toolMounts(tools, root)),
    ...(wantsDhcp(record) ? dhcpMounts(directory) : []),
  ];
}

interface Wanted {
  readonly source: string;
  readonly target: string;
  readonly kind: 'directory' | 'file';
  readonly executable: boolean;
}

function dhcpMounts(directory: string): Wanted[] {
  return [
    { source: BUSYBOX, target: `${DHCP_DIRECTORY}/busybox`, kind: 'file', executable: true },
    { source: join(directory, DHCP_SCRIPT), target: `${DHCP_DIRECTORY}/${DHCP_SCRIPT}`, kind: 'file', executable: true },
  ];
}

/** Tools that the image brings in a form of its own (a link to `/native`, say) stay as they are. */
async function toolMounts(tools: string, root: string): Promise<Wanted[]> {
  const directory: Wanted = { source: tools, target: TOOLS_DIRECTORY, kind: 'directory', executable: true };
  const place = (await kindOf(root, 'usr/sbin')) === 'link' ? 'usr/bin' : 'usr/sbin';
  return [directory, ...GUEST_TOOL_NAMES.map((name): Wanted => ({ source: join(tools, name), target: `${place}/${name}`, kind: 'file', executable: true }))];
}

async function makeTarget(root: string, target: string, kind: 'directory' | 'file', owner: Ownership): Promise<boolean> {
  try {
    const present = await kindBeneath(root, target);
    if (present !== undefined) return present === kind;
    if (kind === 'directory') await makeDirectoryBeneath(root, target, owner);
    else await writeFileBeneath(root, target, '', { ...owner, mode: 0o644 });
    return true;
  } catch (error) {
    // A zone that has filled its quota must still boot.
    if (isErrorCode(error, 'UnsafePath') || isSystemError(error, 'ENOSPC', 'EDQUOT')) return false;
    throw error;
  }
}

async function kindOf(root: string, path: string): Promise<string | undefined> {
  try {
    return await kindBeneath(root, path);
  } catch (error) {
    if (isErrorCode(error, 'UnsafePath')) return 'link';
    throw error;
  }
}
