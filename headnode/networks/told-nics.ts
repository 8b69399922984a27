/** Nics as nodes tell them, in one form: those of a VM as `vmadm get` prints them, those of a server as sysinfo does (control-plane §1.6). */
import { isUuid } from '../../host/config/units.ts';
import type { WireObject } from '../services.ts';
import { canonicalAddress } from './addresses.ts';
import { mac as macSchema, tagName } from './values.ts';

export interface ToldNic {
  readonly mac: string;
  /** In their one spelling; neither `dhcp` nor `addrconf`. */
  readonly addresses: readonly string[];
  readonly primary: boolean;
  readonly state: 'running' | 'stopped';
  readonly vlanId: number;
  readonly nicTag?: string;
  readonly networkUuid?: string;
  readonly tagsProvided: readonly string[];
}

export function toldNicsOfVm(vm: WireObject): readonly ToldNic[] {
  const state = vm['state'] === 'running' ? 'running' : 'stopped';
  return objectsIn(vm['nics']).flatMap((nic) => {
    const mac = macOf(nic['mac']);
    if (mac === undefined) return [];
    const { nic_tag: nicTag, network_uuid: networkUuid } = nic;
    return {
      mac,
      addresses: addressesOf(nic),
      primary: nic['primary'] === true,
      state,
      vlanId: numberOf(nic['vlan_id']),
      ...(typeof nicTag === 'string' && { nicTag }),
      ...(isUuid(networkUuid) && { networkUuid }),
      tagsProvided: [],
    } as const;
  });
}

export function toldNicsOfServer(server: WireObject): readonly ToldNic[] {
  const sysinfo = objectOf(server['sysinfo']);
  const adminTag = typeof sysinfo['Admin NIC Tag'] === 'string' && sysinfo['Admin NIC Tag'] !== '' ? sysinfo['Admin NIC Tag'] : 'admin';
  const physical = Object.values(objectOf(sysinfo['Network Interfaces'])).map((nic) => serverNic(objectOf(nic), adminTag));
  const virtual = Object.entries(objectOf(sysinfo['Virtual Network Interfaces'])).map(([name, nic]) => {
    const told = serverNic(objectOf(nic), adminTag);
    // `external0` is the host's own nic on the tag `external`.
    const nicTag = name.replace(/\d+$/, '');
    return told && { ...told, ...(tagName.safeParse(nicTag).success && { nicTag }) };
  });
  const nics = [...physical, ...virtual].filter((nic) => nic !== undefined);
  // VLAN interfaces and bridges may share the MAC of what is below them.
  return nics.filter(({ mac }, index) => nics.findIndex((nic) => nic.mac === mac) === index);
}

function serverNic(nic: WireObject, adminTag: string): ToldNic | undefined {
  const mac = macOf(nic['MAC Address']);
  if (mac === undefined) return undefined;
  const names = Array.isArray(nic['NIC Names']) ? nic['NIC Names'] : [];
  const tagsProvided = names.filter((name): name is string => tagName.safeParse(name).success);
  const primary = tagsProvided.includes(adminTag);
  const address = typeof nic['ip4addr'] === 'string' ? canonicalAddress(nic['ip4addr']) : undefined;
  const [onlyTag] = tagsProvided;
  return {
    mac,
    addresses: address === undefined ? [] : [address],
    primary,
    state: 'running',
    vlanId: numberOf(nic['VLAN']),
    ...(primary ? { nicTag: adminTag } : onlyTag !== undefined && { nicTag: onlyTag }),
    tagsProvided,
  };
}

function addressesOf(nic: WireObject): string[] {
  const told = Array.isArray(nic['ips']) && nic['ips'].length > 0 ? nic['ips'] : [nic['ip']];
  return told.flatMap((ip) => (typeof ip === 'string' ? (canonicalAddress(ip.split('/')[0] ?? '') ?? []) : []));
}

function macOf(value: unknown): string | undefined {
  const { success, data } = macSchema.safeParse(value);
  return success ? data : undefined;
}

function numberOf(value: unknown): number {
  const number = Number(value ?? 0);
  return Number.isInteger(number) ? number : 0;
}

function objectOf(value: unknown): WireObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as WireObject) : {};
}

function objectsIn(value: unknown): WireObject[] {
  return Array.isArray(value) ? value.map(objectOf) : [];
}
