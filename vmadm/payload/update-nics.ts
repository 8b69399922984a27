/** The nics of an instance after an update (reference §2.6). */
import type { Payload } from '../engine.ts';
import { vmErrors } from '../errors.ts';
import { isPrivateIpv4, parseCidr, parseMac, prefixOf } from './addresses.ts';
import type { Brand } from './brands.ts';
import type { NewIds, PayloadFacts } from './facts.ts';
import { ipAndNetmask } from './nic-addresses.ts';
import { NIC_PROPERTIES, type NicRecord } from './nic-properties.ts';
import { requireConsistentNics } from './nic-rules.ts';
import { addNics, requirePrimaryFlag } from './nics.ts';
import { elementsOf, merged } from './update-elements.ts';
import { booleanOf, isUnset, listOf } from './values.ts';
import { showJson } from './findings.ts';

export interface NicUpdate {
  readonly brand: Brand;
  readonly payload: Payload;
  /** The instance's nic_driver after the update. */
  readonly driver: string | undefined;
  readonly facts: PayloadFacts;
  readonly newIds: Pick<NewIds, 'mac'>;
}

/** Remove, change and add nics, in this order, and see to it that at most one is primary. */
export function nicsAfterUpdate(nics: readonly NicRecord[], update: NicUpdate): NicRecord[] {
  const { payload, driver } = update;
  const additions = elementsOf(payload, 'add_nics');
  const changes = elementsOf(payload, 'update_nics');
  for (const nic of [...additions, ...changes]) requirePrimaryFlag(nic);
  const kept = withoutRemoved(nics, listOf(payload['remove_nics']));
  const changed = changes.reduce<readonly NicRecord[]>((all, change) => changeNic(all, change, update), kept);
  const added = addNics(changed, additions, { ...update, driver: driver ?? nics[0]?.model });
  requireConsistentNics(added);
  return withOnePrimary(added, { claimed: claimedPrimary(additions, changes, added), lost: nics.some(({ primary }) => primary) && !kept.some(({ primary }) => primary) });
}

/** The nic that takes over: the first with a public address, else the first with any (reference §2.6). */
export function nextPrimary(nics: readonly NicRecord[]): NicRecord | undefined {
  const addressed = nics.filter(({ ips = [] }) => ips.length > 0);
  return addressed.find(({ ips = [] }) => ips.some((ip) => !isPrivateIpv4(ip))) ?? addressed[0];
}

function withoutRemoved(nics: readonly NicRecord[], macs: readonly string[]): NicRecord[] {
  const removed = new Set(macs.map((mac) => indexOfMac(nics, mac)));
  return nics.filter((_, index) => !removed.has(index));
}

function indexOfMac(nics: readonly NicRecord[], mac: unknown): number {
  const wanted = typeof mac === 'string' ? parseMac(mac) : undefined;
  const index = nics.findIndex((nic) => nic.mac === wanted);
  if (index === -1) throw vmErrors.NicUpdateUnknownMac();
  return index;
}

/** A changed nic is one that was added with the merged attributes, in the place of the old one. */
function changeNic(nics: readonly NicRecord[], change: Payload, update: NicUpdate): NicRecord[] {
  if (isUnset(change['mac'])) throw vmErrors.NicUpdateNeedsMac();
  const index = indexOfMac(nics, change['mac']);
  const old = nics[index];
  if (!old) throw vmErrors.NicUpdateUnknownMac();
  const tag = change['nic_tag'];
  if (typeof tag === 'string' && tag.includes('/')) throw vmErrors.NicTagSyntax({ nic: showJson(change) });
  const { ip: _ip, netmask: _netmask, gateway: _gateway, mac: _mac, ...plain } = change;
  const attributes = merged(NIC_PROPERTIES, { ...old }, { ...plain, ...addressChange(old, change), ...gatewayChange(change) });
  const payload = attributes['vrrp_vrid'] === undefined ? attributes : { ...attributes, mac: undefined };
  const others = nics.filter((_, position) => position !== index);
  const [changed] = addNics(others, [payload], { ...update, driver: undefined }).slice(-1);
  return changed ? nics.with(index, changed) : [...nics];
}

/** `ip` and `netmask` change the one IPv4 address that a nic has; `ips` replaces all addresses. */
function addressChange(old: NicRecord, change: Payload): Payload {
  if (Object.hasOwn(change, 'ips')) return { ips: change['ips'] };
  if (!Object.hasOwn(change, 'ip') && !Object.hasOwn(change, 'netmask')) return {};
  const ips = old.ips ?? [];
  const others = ips.filter((address) => parseCidr(address)?.family === 6 || address === 'addrconf');
  if (ips.length - others.length > 1) throw vmErrors.NicUpdateNeedsAddress();
  const now = ipAndNetmask(ips);
  const ip = Object.hasOwn(change, 'ip') ? change['ip'] : now.ip;
  if (isUnset(ip)) {
    if (!Object.hasOwn(change, 'ip')) throw vmErrors.NicUpdateNeedsAddress();
    return { ips: others };
  }
  if (ip === 'dhcp') return { ips: ['dhcp', ...others] };
  return { ips: [`${String(ip)}/${prefixAfter(change, now.netmask)}`, ...others] };
}

function prefixAfter(change: Payload, current: string | undefined): number {
  const given = Object.hasOwn(change, 'netmask');
  const netmask = given ? change['netmask'] : current;
  if (given && isUnset(netmask)) throw vmErrors.NicNetmaskMissing({ nic: showJson(change) });
  if (typeof netmask !== 'string') throw vmErrors.NicUpdateNeedsNetmask();
  const prefix = prefixOf(netmask);
  if (prefix === undefined) throw vmErrors.NicNetmaskInvalid({ netmask });
  return prefix;
}

function gatewayChange(change: Payload): Payload {
  if (Object.hasOwn(change, 'gateways') || !Object.hasOwn(change, 'gateway')) return {};
  return { gateways: listOf(change['gateway']) };
}

/** The index of the nic that the payload makes the primary one. @throws NicsManyPrimary */
function claimedPrimary(additions: readonly Payload[], changes: readonly Payload[], nics: readonly NicRecord[]): number | undefined {
  const firstAdded = nics.length - additions.length;
  const claims = [
    ...additions.flatMap(({ primary }, index) => (booleanOf(primary) ? [firstAdded + index] : [])),
    ...changes.flatMap(({ primary, mac, vrrp_vrid: vrid }) => (booleanOf(primary) ? [isUnset(vrid) ? indexOfMac(nics, mac) : nics.findIndex((nic) => nic.vrrp_vrid === Number(vrid))] : [])),
  ];
  if (claims.length > 1) throw vmErrors.NicsManyPrimary();
  return claims[0];
}

function withOnePrimary(nics: readonly NicRecord[], { claimed, lost }: { readonly claimed: number | undefined; readonly lost: boolean }): NicRecord[] {
  if (claimed === undefined && !lost) return [...nics];
  const chosen = claimed === undefined ? nextPrimary(nics) : nics[claimed];
  return nics.map(({ primary: _primary, ...nic }, index) => (nics[index] === chosen ? { ...nic, primary: true } : nic));
}
