import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { hostErrors } from '../../host/errors/host-errors.ts';
import { makePrivateDirectory, writeFileAtomically } from '../../host/files/atomic.ts';
import type { Ownership } from '../../host/files/beneath.ts';
import type { IdRange } from '../../host/idmap/ranges.ts';
import { encodeLxcConfig } from '../../host/lxc/config.ts';
import { seccompPolicy } from '../../host/lxc/seccomp.ts';
import { antiSpoofingScript } from '../../host/net/anti-spoofing.ts';
import { filtersVlans } from '../../host/net/bridge.ts';
import { readNicTags } from '../../host/net/nic-tags.ts';
import { rangeKey, rangeOf } from '../lifecycle/context.ts';
import type { VmRecord } from '../payload/index.ts';
import { requireDhcpClient } from './dhcp-client.ts';
import { filteredNics } from './filtered-nics.ts';
import { prepareGuestMounts, prepareZoneDirectory } from '../metadata/guest-mounts.ts';
import { zoneConfig, zonePath } from './zone-config.ts';

/** The nftables script with the filters of a zone's nics, in its runtime directory. */
export const FILTERS = 'nics.nft';

/**
 * Write what LXC needs to run a zone. It is made anew for every start, from the record alone.
 * @throws NicTagMissing when the node has no such network any more, DhcpClientMissing, UnsafeConfigValue
 */
export async function writeZoneConfig(node: Node, record: VmRecord): Promise<void> {
  const directory = join(node.paths.lxc, record.uuid);
  const seccompProfile = join(directory, 'seccomp');
  const filters = join(directory, FILTERS);
  const ids = await rangeOf(node, rangeKey(node, record));
  requireDhcpClient(record);
  await prepareZoneDirectory(node, record, ids.first);
  const config = zoneConfig(record, {
    node,
    ids,
    guestMounts: await prepareGuestMounts(node, record, join(zonePath(node, record), 'root'), ownerOnDisk(node, ids)),
    bridges: await bridgesFor(node, record),
    seccompProfile,
    antiSpoofingScript: filters,
    lockableBytes: lockableBytes(),
    appArmor: existsSync('/sys/kernel/security/apparmor') && existsSync('/sbin/apparmor_parser'),
  });
  await makePrivateDirectory(directory);
  await writeFileAtomically(seccompProfile, seccompPolicy(), { durable: false });
  await writeFileAtomically(filters, antiSpoofingScript(filteredNics(record)), { durable: false });
  await writeFileAtomically(join(directory, 'config'), encodeLxcConfig(config), { durable: false });
}

/** Who owns on disk what a zone's root owns. */
function ownerOnDisk(node: Node, ids: IdRange): Ownership {
  const id = node.idmappedMounts ? 0 : ids.first;
  return { uid: id, gid: id };
}

/** The bridge of each nic tag that a record names. @throws NicTagMissing, VlanUnsupported when a nic's VLAN cannot be had there */
export async function bridgesFor(node: Node, record: VmRecord): Promise<Map<string, string>> {
  if (record.nics.length === 0) return new Map();
  const tags = await readNicTags(node);
  return new Map(
    record.nics.map(({ nic_tag, vlan_id, mac }) => {
      const bridge = tags[nic_tag]?.bridge;
      if (bridge === undefined) throw hostErrors.NicTagMissing({ tag: nic_tag });
      if (vlan_id && !filtersVlans(bridge)) throw hostErrors.VlanUnsupported({ mac, vlan: vlan_id, tag: nic_tag, bridge });
      return [nic_tag, bridge] as const;
    }),
  );
}

const CAP_SYS_RESOURCE = 24n;

/** Without CAP_SYS_RESOURCE nobody may be given more than we have ourselves. Undefined: no bound. */
export function lockableBytes(): number | undefined {
  const capabilities = /^CapEff:\t([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  if ((BigInt(`0x${capabilities}`) >> CAP_SYS_RESOURCE) & 1n) return undefined;
  const limit = /^Max locked memory +\S+ +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return limit === undefined || limit === 'unlimited' ? undefined : Number(limit);
}
