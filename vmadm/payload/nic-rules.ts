/** What the nics of one instance must be together, and beside those of all others (reference §2.4). */
import { vmErrors } from '../errors.ts';
import { canonicalIp } from './addresses.ts';
import { staticAddresses } from './nic-addresses.ts';
import type { NicRecord, VmRecord } from './record.ts';

/** Refuse nics that exclude each other. @throws NicsSameMac, NicsSameIp, NicsSameVrid, Vrrp… */
export function requireConsistentNics(nics: readonly NicRecord[]): void {
  const routers = nics.filter(({ vrrp_vrid }) => vrrp_vrid !== undefined);
  const vrid = firstTwice(routers.map((nic) => `${nic.nic_tag} ${nic.vrrp_vrid}`));
  if (vrid !== undefined) throw vmErrors.NicsSameVrid({ vrid: vrid.split(' ')[1] ?? vrid });
  const mac = firstTwice(nics.filter(({ vrrp_vrid }) => vrrp_vrid === undefined).map((nic) => nic.mac));
  if (mac !== undefined) throw vmErrors.NicsSameMac({ mac });
  const address = firstTwice(nics.flatMap(addressKeys));
  if (address !== undefined) throw vmErrors.NicsSameIp({ ip: address.split(' ')[0] ?? address });
  if (routers.length > 0) requireConsistentRouters(nics, routers);
}

/** Refuse an instance that takes what another one has. @throws Conflict */
export function requireNoConflict(record: Pick<VmRecord, 'uuid' | 'nics' | 'vnc_port'>, others: readonly VmRecord[]): void {
  const rivals = others.filter(({ uuid, failed }) => uuid !== record.uuid && failed === undefined);
  const taken = new Set(rivals.flatMap(claims));
  if (claims(record).some((claim) => taken.has(claim))) throw vmErrors.Conflict();
}

/** Everything that only one instance may have at a time. */
function claims(record: Pick<VmRecord, 'nics' | 'vnc_port'>): string[] {
  const { nics, vnc_port: port = 0 } = record;
  return [
    ...nics.map((nic) => (nic.vrrp_vrid === undefined ? `mac ${nic.mac}` : `vrid ${nic.nic_tag} ${nic.vrrp_vrid}`)),
    ...nics.flatMap(addressKeys).map((key) => `ip ${key}`),
    ...(port > 0 ? [`vnc ${port}`] : []),
  ];
}

/** An address is one only within its network. */
function addressKeys(nic: NicRecord): string[] {
  return staticAddresses(nic.ips).map((address) => `${address} ${nic.nic_tag} ${nic.vlan_id ?? 0}`);
}

function requireConsistentRouters(nics: readonly NicRecord[], routers: readonly NicRecord[]): void {
  if (routers.some(({ vrrp_primary_ip }) => vrrp_primary_ip === undefined)) throw vmErrors.VrrpWithoutPrimary();
  if (routers.length === nics.length) throw vmErrors.VrrpOnly();
  const ofRouters = new Set(routers.flatMap(({ ips }) => staticAddresses(ips)));
  const ofOthers = new Set(nics.filter((nic) => !routers.includes(nic)).flatMap(({ ips }) => staticAddresses(ips)));
  for (const { vrrp_primary_ip: primary = '' } of routers) {
    if (ofOthers.has(canonicalIp(primary))) continue;
    throw ofRouters.has(canonicalIp(primary)) ? vmErrors.VrrpPrimaryIsVrrp() : vmErrors.VrrpPrimaryElsewhere();
  }
}

function firstTwice(keys: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return keys.find((key) => seen.has(key) || !seen.add(key));
}
