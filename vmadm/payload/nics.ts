/** From the nics of a payload to those of a record (reference §2.3, §2.4). */
import { randomBytes } from 'node:crypto';
import type { Payload } from '../engine.ts';
import { vmErrors } from '../errors.ts';
import { parseMac } from './addresses.ts';
import { isHvm, NIC_MODELS, type Brand } from './brands.ts';
import type { NewIds, PayloadFacts } from './facts.ts';
import { addressesOf, gatewaysOf, requireAllowable } from './nic-addresses.ts';
import { requireConsistentNics } from './nic-rules.ts';
import { NIC_PROPERTIES, type NicRecord } from './nic-properties.ts';
import { normalElement } from './normalise.ts';
import { booleanOf, isUnset } from './values.ts';
import { showJson, showValue } from './findings.ts';

export interface NicSurroundings {
  readonly brand: Brand;
  /** Model of nics that name none. */
  readonly driver: string | undefined;
  readonly facts: PayloadFacts;
  readonly newIds: Pick<NewIds, 'mac'>;
}

/** The nics of a new instance. The first is the primary one unless the payload says otherwise. */
export function nicsOfNew(payloads: readonly Payload[], surroundings: NicSurroundings): NicRecord[] {
  for (const payload of payloads) requirePrimaryFlag(payload);
  if (payloads.filter(({ primary }) => !isUnset(primary)).length > 1) throw vmErrors.NicsManyPrimary();
  const nics = addNics([], payloads, surroundings);
  return nics.some(({ primary }) => primary) ? nics : nics.map((nic, index) => (index === 0 ? { ...nic, primary: true } : nic));
}

/** Nics of a payload put behind those that there are. What excludes another nic is found before what is missing on a machine. */
export function addNics(existing: readonly NicRecord[], payloads: readonly Payload[], surroundings: NicSurroundings): NicRecord[] {
  const names = interfaceNames(existing, payloads, surroundings.brand);
  const drafts = payloads.map((payload, index) => draftNic(payload, names[index] ?? '', surroundings));
  requireConsistentNics([...existing, ...drafts]);
  const added = drafts.map((nic, index) => withModel(nic, payloads[index] ?? {}, surroundings));
  for (const [index, nic] of added.entries()) requireNetworkOf(nic, existing.length + index, surroundings.facts);
  return [...existing, ...added];
}

/** Only the nic that is primary may carry the flag. @throws NicPrimaryInvalid */
export function requirePrimaryFlag({ primary }: Payload): void {
  if (!isUnset(primary) && booleanOf(primary) !== true) {
    throw vmErrors.NicPrimaryInvalid({ value: typeof primary === 'string' && /^[\w.-]{1,64}$/.test(primary) ? primary : showValue(primary) });
  }
}

/** A MAC address that no manufacturer owns: locally administered, of one station. */
export function newMac(): string {
  const octets = [...randomBytes(6)];
  octets[0] = ((octets[0] ?? 0) & 0xf0) | 0x02;
  return octets.map((octet) => octet.toString(16).padStart(2, '0')).join(':');
}

function draftNic(payload: Payload, name: string, { brand, newIds }: NicSurroundings): NicRecord {
  const nic = normalElement(NIC_PROPERTIES, brand, 'a', payload);
  const tag = nic['nic_tag'];
  if (typeof tag !== 'string') throw vmErrors.NicTagMissing({ nic: showJson(payload) });
  if (!/^[A-Za-z0-9_/]+$/.test(tag)) throw vmErrors.NicTagSyntax({ nic: showJson(payload) });
  const mac = macOf(nic, newIds);
  const ips = addressesOf(nic);
  requireAllowable(nic, ips ?? []);
  const gateways = gatewaysOf(nic);
  const { ip: _ip, netmask: _netmask, gateway: _gateway, ips: _ips, gateways: _gateways, ...rest } = nic;
  return { ...rest, interface: name, mac, nic_tag: tag, ...(ips && { ips }), ...(gateways && { gateways }) };
}

function withModel(nic: NicRecord, payload: Payload, { brand, driver }: NicSurroundings): NicRecord {
  if (!isHvm(brand)) return nic;
  const model = nic.model ?? driver;
  if (model === undefined) throw vmErrors.NicModelMissing({ nic: showJson(payload) });
  if (!NIC_MODELS.includes(model)) throw vmErrors.NicModelInvalid({ nic: showJson(payload) });
  return { ...nic, model };
}

function macOf(nic: Payload, newIds: Pick<NewIds, 'mac'>): string {
  const vrid = nic['vrrp_vrid'];
  if (typeof vrid !== 'number') return typeof nic['mac'] === 'string' ? (parseMac(nic['mac']) ?? newIds.mac()) : newIds.mac();
  const mac = vrrpMac(vrid);
  if (typeof nic['mac'] === 'string' && parseMac(nic['mac']) !== mac) throw vmErrors.VrrpWithMac();
  return mac;
}

/** The MAC address that belongs to a virtual router. */
export function vrrpMac(vrid: number): string {
  return `00:00:5e:00:01:${vrid.toString(16).padStart(2, '0')}`;
}

/** A name for every new nic: its own, or the first that is free. */
function interfaceNames(existing: readonly NicRecord[], payloads: readonly Payload[], brand: Brand): string[] {
  const taken = new Set(existing.map((nic) => nic.interface));
  for (const { interface: name } of payloads) {
    if (typeof name !== 'string' || name === '') continue;
    if (taken.has(name)) throw vmErrors.NicsSameInterface({ interface: name });
    taken.add(name);
  }
  return payloads.map(({ interface: name }) => {
    if (typeof name === 'string' && name !== '') return name;
    const free = firstFree(brand === 'lx' ? 'eth' : 'net', taken);
    taken.add(free);
    return free;
  });
}

function firstFree(prefix: string, taken: ReadonlySet<string>): string {
  let number = 0;
  while (taken.has(`${prefix}${number}`)) number++;
  return `${prefix}${number}`;
}

function requireNetworkOf(nic: NicRecord, index: number, facts: PayloadFacts): void {
  if (!facts.nicTagExists(nic.nic_tag)) throw vmErrors.NicTagUnknown({ tag: nic.nic_tag });
  const minimum = facts.nicTagMtu?.(nic.nic_tag);
  if (nic.mtu !== undefined && minimum !== undefined && nic.mtu < minimum) {
    throw vmErrors.NicMtuBelowTag({ index, mac: nic.mac, minimum, tag: nic.nic_tag });
  }
}
