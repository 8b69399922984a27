/**
 * Bring a RAM-booted host onto its networks as its networking.json says: interfaces, aggregations, a bridge for each nic tag,
 * the node's own addresses, routes, resolvers, time servers and host name. Whatever had addresses before, iPXE's or the
 * kernel's, gives them up. It can be repeated, with the same document or another.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ZonewrightError } from '../../host/errors/errors.ts';
import { ensureBridge, filtersVlans, hasInterface, hostAddresses } from '../../host/net/bridge.ts';
import { ensureBond, ensureVlanInterface, isCarrier, listLinks, type Link } from '../../host/net/links.ts';
import type { NicTags } from '../../host/net/nic-tags.ts';
import type { Networking } from '../../host/net/networking.ts';
import { run } from '../../host/run/run.ts';
import { endOtherLeases, keepLeases } from './dhcp.ts';
import { rememberTags } from './applied.ts';
import { nameAndTime } from './names-and-time.ts';
import { bridgesOf, interfacesOf, routesOf, type WantedBridge, type WantedInterface } from './topology.ts';

export interface ApplyOptions {
  /** Files that need not survive a reboot. */
  readonly runDirectory?: string;
  /** How long to wait for interfaces that the kernel has not found yet. Default 15. */
  readonly interfaceSeconds?: number;
  /** How long to wait for addresses by DHCP; the clients go on after it. Default 30. */
  readonly leaseSeconds?: number;
}

export interface AppliedNetworking {
  /** The node's nic tags, as its pool keeps them. */
  readonly tags: NicTags;
  readonly addresses: ReadonlyArray<{ readonly tag: string; readonly interface: string; readonly address: string }>;
  /** What could not be brought about, each in a sentence. Everything else was. */
  readonly problems: readonly string[];
}

export const RUN_DIRECTORY = '/run/zonewright';

/** @throws what `ip` says when the kernel refuses something that every node needs */
export async function applyNetworking(document: Networking, { runDirectory = RUN_DIRECTORY, interfaceSeconds = 15, leaseSeconds = 30 }: ApplyOptions = {}): Promise<AppliedNetworking> {
  const { links, missing } = await carriersOf(document, interfaceSeconds);
  const bridges = bridgesOf(document);
  const interfaces = interfacesOf(document);
  const nameOf = (mac: string): string | undefined => links.get(mac)?.name;

  const problems = missing.map((mac) => `no interface of this machine has the MAC address ${mac}`);
  const attempt = async (what: string, work: Promise<void>): Promise<void> => {
    await work.catch((error: unknown) => problems.push(`${what}: ${error instanceof ZonewrightError ? error.message : String(error)}`));
  };
  for (const { name, lacp_mode, macs } of document.aggregations) {
    const members = macs.flatMap((mac) => nameOf(mac) ?? []);
    for (const member of members) await giveUpAddresses(member);
    if (members.length > 0) await attempt(`aggregation ${name}`, ensureBond(name, { lacp: lacp_mode, mac: macs[0] ?? '', members }));
  }
  const uplinkOf = ({ carrier }: WantedBridge): string | undefined => {
    if ('mac' in carrier) return nameOf(carrier.mac);
    return hasInterface(carrier.aggregation) ? carrier.aggregation : undefined;
  };
  for (const bridge of bridges) await connect(bridge, { uplink: uplinkOf(bridge), own: interfaces.find(({ name }) => name === bridge.name), macs: macsOf(document, bridge) });
  await endOtherLeases(interfaces, { runDirectory, document });
  for (const wanted of interfaces) await attempt(wanted.vlan === 0 ? wanted.name : `VLAN ${wanted.vlan} of nic tag ${wanted.tag}`, address(wanted));
  problems.push(...(await keepLeases(interfaces.filter(({ name }) => hasInterface(name)), { runDirectory, leaseSeconds, document })));
  problems.push(...(await setRoutes(document)));
  await nameAndTime(document);

  const tags = Object.fromEntries(bridges.flatMap((bridge) => tagsOn(bridge, uplinkOf(bridge))));
  await rememberTags(runDirectory, tags);
  const present = await hostAddresses();
  const addresses = interfaces.flatMap(({ tag, name }) => present.filter((one) => one.interface === name && !one.address.startsWith('fe80:')).map(({ address: ip, prefix }) => ({ tag, interface: name, address: `${ip}/${prefix}` })));
  return { tags, addresses, problems };
}

/** The interfaces that carry the document's networks, by MAC; those that do not come are missing. */
async function carriersOf({ nictags, aggregations }: Networking, seconds: number): Promise<{ links: ReadonlyMap<string, Link>; missing: string[] }> {
  const wanted = [...new Set([...nictags.flatMap(({ mac }) => mac ?? []), ...aggregations.flatMap(({ macs }) => macs)])];
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const carriers = (await listLinks()).filter(isCarrier);
    const links = new Map(wanted.flatMap((mac) => carriers.filter((link) => link.mac === mac).map((link) => [mac, link] as const)));
    const missing = wanted.filter((mac) => !links.has(mac));
    if (missing.length === 0 || performance.now() >= deadline) return { links, missing };
    await sleep(LOOK_MILLISECONDS);
  }
}

const LOOK_MILLISECONDS = 200;

async function connect({ name, mtu }: WantedBridge, { uplink, own, macs }: { readonly uplink: string | undefined; readonly own: WantedInterface | undefined; readonly macs: readonly string[] }): Promise<void> {
  if (uplink !== undefined) await giveUpAddresses(uplink);
  const mac = own?.mac ?? macs[0];
  await ensureBridge(name, { ...(uplink === undefined ? {} : { uplink }), ...(mac === undefined ? {} : { mac }), ...(mtu === undefined ? {} : { mtu }) });
  // Nobody on a network where the node has no address can speak to it, over IPv6 neither.
  await run(['sysctl', '-q', '-w', `net/ipv6/conf/${name}/disable_ipv6=${own ? 0 : 1}`], { acceptExitCodes: [0, 1, 255] });
}

/** What the bridge speaks with when the node has no address on it: the address of its interface, so that it stays the same. */
function macsOf({ aggregations }: Networking, { carrier }: WantedBridge): readonly string[] {
  return 'mac' in carrier ? [carrier.mac] : (aggregations.find(({ name }) => name === carrier.aggregation)?.macs ?? []);
}

async function giveUpAddresses(link: string): Promise<void> {
  await run(['ip', 'address', 'flush', 'dev', link]);
}

/** Exactly the addresses that are wanted; a leased one is its client's to keep. */
async function address({ name, bridge, vlan, mac, mtu, addresses, dhcp }: WantedInterface): Promise<void> {
  if (vlan !== 0) await ensureVlanInterface(name, { bridge, vlan, mac, mtu, filtered: filtersVlans(bridge) });
  const present = async (): Promise<string[]> => (await hostAddresses()).filter((one) => one.interface === name && one.address.includes('.')).map((one) => `${one.address}/${one.prefix}`);
  // With the first address of a network the kernel takes the others of it away.
  if (!dhcp) for (const one of await present()) if (!addresses.includes(one)) await run(['ip', 'address', 'delete', one, 'dev', name], { acceptExitCodes: [0, 2] });
  const left = await present();
  for (const one of addresses) if (!left.includes(one)) await run(['ip', 'address', 'add', one, 'broadcast', '+', 'dev', name]);
}

async function setRoutes(document: Networking): Promise<string[]> {
  const problems: string[] = [];
  for (const [destination, gateway] of routesOf(document)) {
    const { exitCode, stderr } = await run(['ip', 'route', 'replace', destination, 'via', gateway], { acceptExitCodes: [0, 2] });
    if (exitCode !== 0) problems.push(`the route to ${destination} by ${gateway} was refused: ${stderr.trim().split('\n').at(-1) ?? ''}`);
  }
  return problems;
}

function tagsOn({ name: bridge, tags }: WantedBridge, uplink: string | undefined): Array<readonly [string, NicTags[string]]> {
  return tags.map((tag) => [tag, { bridge, ...(uplink === undefined ? {} : { uplink }), declared: true }] as const);
}
