/** Nic tags as `nictagadm` and the agent's API handle them: what is asked for is checked here, whoever asks. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { Node } from '../../host/config/node-config.ts';
import { readFileIfPresent } from '../../host/files/atomic.ts';
import { parseNetwork } from '../../host/net/ipv4.ts';
import { addNicTag, readNicTags, removeNicTag, requireTagName } from '../../host/net/nic-tags.ts';
import { listRecords } from '../../vmadm/store/records.ts';
import { nodeErrors } from '../errors.ts';

export interface ListedNicTag {
  readonly name: string;
  /** The address of the interface that it is on, when there is one. */
  readonly mac?: string | undefined;
  /** That interface, else its bridge. */
  readonly link: string;
  /** An etherstub is a network of this node alone. */
  readonly type: 'normal' | 'etherstub';
}

export interface NewNicTag {
  /** The interface whose network it is, by name or mac. */
  readonly uplink?: string | undefined;
  /** A bridge that the host has already. */
  readonly bridge?: string | undefined;
  /** The host's own address on it, with its prefix length. */
  readonly address?: string | undefined;
}

export interface NicTags {
  list(): Promise<ListedNicTag[]>;
  /** @throws NicTagExists, NicTagInvalid, NoSuchInterface, UplinkHasAddress, NotABridge, AddressInvalid */
  add(name: string, tag: NewNicTag): Promise<void>;
  /** @throws NicTagMissing, NicTagInUse unless `force`, BridgeInUse */
  remove(name: string, options: { readonly force: boolean }): Promise<void>;
}

/** The nic tags of this node. */
export function nicTagsOf(node: Node): NicTags {
  return {
    async list() {
      const tags = Object.entries(await readNicTags(node));
      return Promise.all(
        tags.map(async ([name, { uplink, bridge, foreign }]) => {
          const mac = uplink === undefined ? undefined : (await readFileIfPresent(`/sys/class/net/${uplink}/address`))?.trim();
          return { name, ...(mac !== undefined && { mac }), link: uplink ?? bridge, type: uplink === undefined && !foreign ? ('etherstub' as const) : ('normal' as const) };
        }),
      );
    },
    async add(name, { uplink, bridge, address }) {
      requireTagName(name);
      if (address !== undefined) parseNetwork(address);
      await addNicTag(node, name, {
        ...(uplink === undefined ? {} : { uplink: await interfaceOf(uplink) }),
        ...(bridge === undefined ? {} : { bridge: requireInterfaceName(bridge) }),
        ...(address === undefined ? {} : { address }),
      });
    },
    async remove(name, { force }) {
      const users = (await listRecords(node)).filter(({ nics }) => nics.some((nic) => nic.nic_tag === name)).map(({ uuid }) => uuid);
      if (users.length > 0 && !force) throw nodeErrors.NicTagInUse({ tag: name, vms: users.join(', ') });
      await removeNicTag(node, name);
    },
  };
}

async function interfaceOf(text: string): Promise<string> {
  if (!/^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(text)) return requireInterfaceName(text);
  const mac = text.toLowerCase().split(':').map((byte) => byte.padStart(2, '0')).join(':');
  for (const name of await readdir('/sys/class/net')) {
    // A virtual interface repeats the address of the one below it.
    const physical = existsSync(`/sys/class/net/${name}/device`);
    if (physical && (await readFileIfPresent(`/sys/class/net/${name}/address`))?.trim() === mac) return name;
  }
  throw nodeErrors.NoSuchInterface({ interface: mac });
}

function requireInterfaceName(name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/.test(name) || !existsSync(`/sys/class/net/${name}`)) {
    throw nodeErrors.NoSuchInterface({ interface: JSON.stringify(name).slice(1, -1) });
  }
  return name;
}
