/** The parameters of NAPI's nics (control-plane §4). */
import { z } from 'zod';
import { address, flag, integer, list, mac, owner, paging, tagName, uuid } from './values.ts';

const BELONGS_TO = ['zone', 'server', 'other'] as const;
const STATES = ['provisioning', 'stopped', 'running'] as const;

const belongsToType = z.enum(BELONGS_TO, { error: `must be one of ${BELONGS_TO.join(', ')}` });
const state = z.enum(STATES, { error: `must be one of ${STATES.join(', ')}` });

/** A nic tag as nics name it; an overlay's has the number of its network: `sdc_overlay/1234`. */
const nicTag = z.string({ error: 'must be a nic tag' }).regex(/^[A-Za-z0-9_]{1,31}(\/\d{1,8})?$/, { error: 'must be a nic tag' });

/** Kept with the nic and given back, never searched for. */
const kept = {
  model: z.string({ error: 'must be text' }).regex(/^[A-Za-z0-9_-]{1,32}$/, { error: 'must be a nic model' }).optional(),
  underlay: flag.optional(),
  allow_dhcp_spoofing: flag.optional(),
  allow_ip_spoofing: flag.optional(),
  allow_mac_spoofing: flag.optional(),
  allow_restricted_traffic: flag.optional(),
  allow_unfiltered_promisc: flag.optional(),
};
export const KEPT = Object.keys(kept);

const common = {
  ...kept,
  ip: address.optional(),
  network_uuid: z.union([z.literal('admin'), uuid], { error: 'must be a uuid' }).optional(),
  primary: flag.optional(),
  state: state.optional(),
  cn_uuid: uuid.optional(),
  nic_tag: nicTag.optional(),
  vlan_id: integer(0, 4094).optional(),
  nic_tags_provided: list(tagName).optional(),
  nic_tags_available: list(nicTag, 1000).optional(),
  reserved: flag.optional(),
  // Said by clients; what they follow from is known.
  check_owner: flag.optional(),
  netmask: z.string().optional(),
};

export const newNic = z.strictObject({ mac: mac.optional(), owner_uuid: owner, belongs_to_uuid: uuid, belongs_to_type: belongsToType, ...common });
export type NewNic = z.output<typeof newNic>;

export const nicChange = z.strictObject({ owner_uuid: owner.optional(), belongs_to_uuid: uuid.optional(), belongs_to_type: belongsToType.optional(), ...common });

export const nicFilter = z.strictObject({
  mac: list(mac, 1000).optional(),
  owner_uuid: list(owner, 1000).optional(),
  belongs_to_uuid: list(uuid, 1000).optional(),
  belongs_to_type: list(belongsToType).optional(),
  network_uuid: list(uuid, 1000).optional(),
  cn_uuid: list(uuid, 1000).optional(),
  nic_tag: list(nicTag, 1000).optional(),
  nic_tags_provided: list(tagName, 1000).optional(),
  state: list(state).optional(),
  underlay: flag.optional(),
  ...paging,
});
