/**
 * The first head node of a fleet, on a node: its data in the pool, the admin network, the boot service, a platform image for others to
 * boot, and the node itself as the fleet's first server. Each step does only what is missing, so that an installation that was
 * interrupted can be repeated.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readIdentity } from '../../agent/identity/identity.ts';
import { cachedSysinfo } from '../../agent/sysinfo/cache.ts';
import type { Node } from '../../host/config/node-config.ts';
import { dataset } from '../../host/config/units.ts';
import { isErrorCode } from '../../host/errors/errors.ts';
import { addressText, networkOf, prefixOfNetmask } from '../../host/net/ipv4.ts';
import type { Networking } from '../../host/net/networking.ts';
import { IMAGE_KEYS, trustedKeys } from '../../host/signature/keys.ts';
import { createDataset, datasetExists } from '../../host/zfs/zfs.ts';
import { nodeErrors } from '../errors.ts';
import { joinFleet } from '../join/join-fleet.ts';
import { systemdRuns } from '../setup/systemd.ts';
import { ensureHead, headDirectory } from './ensure-head.ts';

export interface HeadInstallation {
  readonly node: Node;
  /** This node's networks: its address on the admin network is where the fleet finds the head. */
  readonly networking: Networking;
  /** For machines that boot from the network for the first time. */
  readonly dhcpRange: { readonly start: string; readonly end: string };
  readonly datacenter: string;
  readonly setupNodes: 'automatic' | 'by_operator';
  /** How machines are set up, unless somebody says otherwise: who may log in, and so on. */
  readonly nodeSetup?: Readonly<Record<string, unknown>>;
  /** Where the platform image for others comes from: a directory, `.tar`, `.iso`, URL, or `media`. Without one an operator installs it later. */
  readonly platform?: string | undefined;
}

/** @throws HeadInstallFailed, errors of headErrors and signatureErrors */
export async function installHeadOnNode(installation: HeadInstallation, say: (line: string) => void): Promise<void> {
  const { node, networking } = installation;
  const directory = headDirectory(node);
  const admin = adminPlace(networking);
  if (!(await datasetExists(dataset(node.pool, 'head')))) await createDataset(dataset(node.pool, 'head'));
  await mkdir(directory, { recursive: true });
  await configure(installation, admin.address);
  say((await ensureHead(node)) ?? 'the head node was not started');
  if (!systemdRuns()) throw nodeErrors.HeadInstallFailed({ reason: 'there is no systemd here to run it' });
  await untilAnswers(directory);
  say(`the head node answers; its data is in ${directory}`);
  await makeAdminNetwork(installation, admin);
  say(`admin network ${admin.subnet}; machines that boot from it get addresses from ${installation.dhcpRange.start} to ${installation.dhcpRange.end} first`);
  if (installation.platform !== undefined) say(await offerPlatform(installation, installation.platform));
  // What was kept does not say yet that this node is a head.
  await cachedSysinfo(node, { refresh: true });
  if (!(await readIdentity(node))) say(await joinOwnHead(directory));
}

interface AdminPlace {
  readonly address: string;
  readonly subnet: string;
  readonly first: number;
  readonly last: number;
  readonly gateway: string | undefined;
}

/** @throws HeadInstallFailed when the node's address on the admin network is not a fixed one */
function adminPlace({ vnics, admin_tag: tag }: Networking): AdminPlace {
  const vnic = vnics.find(({ nic_tag, ip }) => nic_tag === tag && ip !== 'dhcp');
  const prefix = vnic?.netmask === undefined ? undefined : prefixOfNetmask(vnic.netmask);
  if (!vnic || prefix === undefined) throw nodeErrors.HeadInstallFailed({ reason: 'this node has no fixed address on the admin network' });
  const { first, last } = networkOf(vnic.ip, prefix);
  return { address: vnic.ip, subnet: `${addressText(first)}/${prefix}`, first, last, gateway: vnic.gateway };
}

async function configure({ node, dhcpRange, datacenter, setupNodes, nodeSetup }: HeadInstallation, address: string): Promise<void> {
  const { changeHeadConfig, headConfigSchema } = await import('../../headnode/config.ts');
  const { admin, database, boot, datacenter: name, setup_nodes, node_setup } = headConfigSchema.parse({
    admin: { address },
    database: 'postgres',
    boot: { range: dhcpRange },
    datacenter,
    setup_nodes: setupNodes,
    ...(nodeSetup ? { node_setup: nodeSetup } : {}),
  });
  await changeHeadConfig(join(headDirectory(node), 'config.json'), { admin, database, boot, datacenter: name, setup_nodes, node_setup });
}

/** A first start makes the database. */
const START_MILLISECONDS = 10 * 60 * 1000;

async function untilAnswers(directory: string): Promise<void> {
  const { askHead } = await import('../../headnode/ask-head.ts');
  const deadline = Date.now() + START_MILLISECONDS;
  for (;;) {
    try {
      await askHead(directory, { method: 'GET', path: '/ping' });
      return;
    } catch (error) {
      if (Date.now() > deadline) throw nodeErrors.HeadInstallFailed({ reason: 'the head process does not answer: journalctl -u zonewright-head says why' }, { cause: error });
      await sleep(500);
    }
  }
}

async function makeAdminNetwork({ node, networking, dhcpRange }: HeadInstallation, { subnet, first, last, gateway, address }: AdminPlace): Promise<void> {
  const { askHead } = await import('../../headnode/ask-head.ts');
  const directory = headDirectory(node);
  const tag = networking.nictags.find(({ name }) => name === networking.admin_tag);
  await unlessThere(askHead(directory, { method: 'POST', path: '/nic_tags', body: { name: networking.admin_tag, ...(tag?.mtu === undefined || tag.mtu < 1500 ? {} : { mtu: tag.mtu }) } }));
  const { start, end } = rangeBeside({ first, last }, dhcpRange);
  await unlessThere(
    askHead(directory, {
      method: 'POST',
      path: '/networks',
      body: { name: 'admin', subnet, nic_tag: networking.admin_tag, vlan_id: 0, provision_start_ip: start, provision_end_ip: end, gateway, resolvers: networking.resolvers.filter((resolver) => resolver.includes('.')), description: 'nodes' },
    }),
  );
  const { uuid } = await askHead<{ uuid: string }>(directory, { method: 'GET', path: '/networks/admin' });
  await askHead(directory, { method: 'PUT', path: `/networks/${uuid}/ips/${address}`, body: { reserved: true } });
}

/** Addresses for nodes: the larger part of the network on one side of the range for new machines. */
export function rangeBeside({ first, last }: { readonly first: number; readonly last: number }, dhcpRange: { readonly start: string; readonly end: string }): { readonly start: string; readonly end: string } {
  const [from, to] = [networkOf(dhcpRange.start, 32).address, networkOf(dhcpRange.end, 32).address];
  const [below, above] = [from - 1 - first, last - 1 - to];
  if (Math.max(below, above) < 1) throw nodeErrors.HeadInstallFailed({ reason: `the range for new machines, ${dhcpRange.start} to ${dhcpRange.end}, leaves no address of the admin network for nodes` });
  return below >= above ? { start: addressText(first + 1), end: addressText(from - 1) } : { start: addressText(to + 1), end: addressText(last - 1) };
}

async function unlessThere(request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    // NAPI says what is wrong field by field; what is there from an earlier try is what is wanted.
    if (!isErrorCode(error, 'InvalidParameters') || !/already|overlaps/.test(error.message)) throw error;
  }
}

async function offerPlatform({ node }: HeadInstallation, from: string): Promise<string> {
  const [{ installPlatform }, { askHead }] = await Promise.all([import('../../headnode/boot/install-platform.ts'), import('../../headnode/ask-head.ts')]);
  const directory = headDirectory(node);
  const { stamp } = await installPlatform({ platforms: join(directory, 'platforms'), from, keys: await trustedKeys([IMAGE_KEYS, join(node.paths.config, 'platform-keys')]), say: () => undefined });
  if ((await askHead<{ platform?: string }>(directory, { method: 'GET', path: '/boot/default' })).platform === undefined) await askHead(directory, { method: 'POST', path: '/boot/default', body: { platform: stamp } });
  return `machines that boot from the network get platform ${stamp}`;
}

async function joinOwnHead(directory: string): Promise<string> {
  const { askHead } = await import('../../headnode/ask-head.ts');
  const { token } = await askHead<{ token: string }>(directory, { method: 'POST', path: '/tokens', body: { ttl: 600 } });
  const { head } = await joinFleet({ token, again: false });
  return `this node has joined ${head}`;
}
