import { isIPv4 } from 'node:net';
import { bridgeNameOf, hasInterface, hostAddresses, isBridge, requireNoAddress } from '../../../host/net/bridge.ts';
import { networkOf, overlap, parseNetwork } from '../../../host/net/ipv4.ts';
import { addNicTag, declareNicTags, ensureNicTagBridges, readNicTags, removeNicTag, type NicTagOptions, type NicTags } from '../../../host/net/nic-tags.ts';
import type { Node } from '../../../host/config/node-config.ts';
import type { Networking } from '../../../host/net/networking.ts';
import { nodeErrors } from '../../errors.ts';
import { applyNetworking } from '../../network/apply-networking.ts';
import { keepNetworking } from '../../network/networking-for-boot.ts';
import { isPoolMounted, nodeOf } from '../node-of.ts';
import { DEFAULT_ADMIN_ADDRESS } from '../options.ts';
import { ready, wanting, type SetupStep } from '../step.ts';

const ADMIN = 'admin';

/** The nic tag `admin` on a bridge of its own, and after a reboot every other tag's bridge. */
export const networkStep: SetupStep = {
  name: 'network',
  async inspect(setup) {
    const { networking } = setup.options;
    if (networking) return wanting(`bring up the nic tags ${networking.nictags.map(({ name }) => name).join(', ')} as networking.json says`);
    const tags = (await isPoolMounted(setup)) ? await readNicTags(nodeOf(setup)) : {};
    const wanted = setup.options.adminAddress ?? tags[ADMIN]?.address ?? (setup.last ? undefined : DEFAULT_ADMIN_ADDRESS);
    const uplink = setup.options.adminInterface;
    if (uplink !== undefined && tags[ADMIN]?.uplink !== uplink) await requireUplink(uplink);
    if (wanted !== undefined) await requireFreeNetwork(wanted, tags[ADMIN]?.bridge ?? bridgeNameOf(ADMIN));
    if (!tags[ADMIN]) return wanting(wanted === undefined ? "make the nic tags' bridges" : `make nic tag ${ADMIN} with ${wanted}`);
    if (tags[ADMIN].address !== wanted) return wanting(`change nic tag ${ADMIN} to ${wanted ?? ''}`);
    if (uplink !== undefined && tags[ADMIN].uplink !== uplink) return wanting(`put nic tag ${ADMIN} on ${uplink}`);
    const missing = await withoutBridge(tags);
    return missing.length === 0 ? ready(describe(tags)) : wanting(`make the bridges of ${missing.join(', ')}`);
  },
  async perform(setup) {
    const node = nodeOf(setup);
    if (setup.options.networking) return await takeOver(node, setup.options.networking);
    const { adminAddress: address, adminInterface: uplink } = setup.options;
    const admin = (await readNicTags(node))[ADMIN];
    const moves = (address !== undefined && admin?.address !== address) || (uplink !== undefined && admin?.uplink !== uplink);
    if (admin && moves) await removeNicTag(node, ADMIN);
    if (!admin || moves) await addNicTag(node, ADMIN, adminTag({ address: address ?? admin?.address, uplink: uplink ?? admin?.uplink }));
    await ensureNicTagBridges(node);
    return describe(await readNicTags(node));
  },
};

/** The whole of it is applied, since what a node comes up with after a reboot must have been there before. */
async function takeOver(node: Node, networking: Networking): Promise<string> {
  const { tags, problems } = await applyNetworking(networking, { runDirectory: node.runDirectory });
  await declareNicTags(node, tags);
  await keepNetworking(node, networking);
  return [describe(tags), ...problems].join('; ');
}

function adminTag({ address = DEFAULT_ADMIN_ADDRESS, uplink }: { readonly address: string | undefined; readonly uplink: string | undefined }): NicTagOptions {
  return { address, ...(uplink === undefined ? {} : { uplink }) };
}

/** An interface that gives the admin network to the outside; its own addresses would be lost. */
async function requireUplink(uplink: string): Promise<void> {
  if (!hasInterface(uplink)) throw nodeErrors.NoSuchInterface({ interface: JSON.stringify(uplink).slice(1, -1) });
  await requireNoAddress(uplink);
}

async function requireFreeNetwork(address: string, bridge: string): Promise<void> {
  const wanted = parseNetwork(address);
  const other = (await hostAddresses())
    .filter((one) => one.interface !== bridge && isIPv4(one.address))
    .find((one) => overlap(wanted, networkOf(one.address, one.prefix)));
  if (other) throw nodeErrors.AddressRangeInUse({ address, other: `${other.address}/${other.prefix}`, interface: other.interface });
}

async function withoutBridge(tags: NicTags): Promise<string[]> {
  const present = await hostAddresses();
  const isThere = (bridge: string, address: string | undefined): boolean =>
    isBridge(bridge) && (address === undefined || present.some((one) => one.interface === bridge && `${one.address}/${one.prefix}` === address));
  return Object.entries(tags)
    .filter(([, tag]) => !isThere(tag.bridge, tag.address))
    .map(([name]) => name);
}

function describe(tags: NicTags): string {
  return Object.entries(tags)
    .map(([name, { bridge, address }]) => `${name} on ${bridge}${address === undefined ? '' : ` (${address})`}`)
    .join(', ');
}
