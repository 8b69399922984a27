/** A nic's addresses in every form that a payload may give them (reference §2.4, §2.7). */
import { isIP, isIPv4 } from 'node:net';
import type { Payload } from '../engine.ts';
import { vmErrors } from '../errors.ts';
import { canonicalIp, netmaskOf, parseCidr, prefixOf } from './addresses.ts';
import { isUnset, listOf } from './values.ts';
import { showJson } from './findings.ts';

const MOST_IPS = 20;
const MOST_ALLOWED_IPS = 13;
const MOST_ADDRESSES = 32;
const MOST_CIDS = 20;
const LONGEST_CIDS = 1024;

/** `ips` from `ips`, or from `ip` and `netmask`; undefined when the nic has no address. @throws NicIpInvalid and others */
export function addressesOf(nic: Payload): string[] | undefined {
  const ips = isUnset(nic['ips']) ? addressFromIp(nic) : listOf(nic['ips']).map((ip) => parseAddress(ip, nic));
  if (ips.length > MOST_IPS) throw vmErrors.NicTooManyIps({ count: ips.length });
  return ips.length > 0 ? [...new Set(ips)] : undefined;
}

/** `gateways` from `gateways` or `gateway`. @throws NicGatewayNotIpv4 */
export function gatewaysOf(nic: Payload): string[] | undefined {
  const gateways = isUnset(nic['gateways']) ? listOf(nic['gateway']) : listOf(nic['gateways']);
  for (const gateway of gateways) {
    if (!isIPv4(gateway)) throw vmErrors.NicGatewayNotIpv4({ gateway });
  }
  return gateways.length > 0 ? [...new Set(gateways)] : undefined;
}

/** Refuse more or other addresses and client ids than a nic's filters can hold. */
export function requireAllowable(nic: Payload, ips: readonly string[]): void {
  const allowed = listOf(nic['allowed_ips']);
  if (allowed.some((ip) => isIP(ip) === 0 && !parseCidr(ip))) throw vmErrors.NicAllowedIpsInvalid({ ips: allowed.join(',') });
  if (allowed.length > MOST_ALLOWED_IPS) throw vmErrors.NicTooManyAllowedIps();
  if (allowed.length + ips.length > MOST_ADDRESSES) throw vmErrors.NicTooManyAddresses();
  const cids = listOf(nic['allowed_dhcp_cids']);
  if (cids.length > MOST_CIDS) throw vmErrors.NicTooManyCids({ count: cids.length });
  if (cids.join(',').length >= LONGEST_CIDS) throw vmErrors.NicCidsTooLong();
}

/** What `get` shows as `ip` and `netmask`: those of the first IPv4 address, or `dhcp`. */
export function ipAndNetmask(ips: readonly string[] | undefined): { readonly ip?: string; readonly netmask?: string } {
  for (const ip of ips ?? []) {
    if (ip === 'dhcp') return { ip };
    const cidr = parseCidr(ip);
    if (cidr?.family === 4) return { ip: cidr.address, netmask: netmaskOf(cidr.prefix) };
  }
  return {};
}

/** The addresses among `ips`, without their prefixes, in one spelling. */
export function staticAddresses(ips: readonly string[] | undefined): string[] {
  return (ips ?? []).flatMap((ip) => {
    const cidr = parseCidr(ip);
    return cidr ? [canonicalIp(cidr.address)] : [];
  });
}

function addressFromIp(nic: Payload): string[] {
  const { ip, netmask } = nic;
  if (!isUnset(netmask) && (typeof netmask !== 'string' || prefixOf(netmask) === undefined)) {
    throw vmErrors.NicNetmaskInvalid({ netmask: String(netmask) });
  }
  if (isUnset(ip)) return [];
  if (ip === 'dhcp') return ['dhcp'];
  if (typeof ip !== 'string' || !isIPv4(ip)) throw vmErrors.NicIpInvalid({ nic: showJson(nic) });
  if (typeof netmask !== 'string' || netmask === '') throw vmErrors.NicNetmaskMissing({ nic: showJson(nic) });
  return [`${ip}/${prefixOf(netmask)}`];
}

function parseAddress(ip: string, nic: Payload): string {
  if (ip === 'dhcp' || ip === 'addrconf' || parseCidr(ip)) return ip;
  throw vmErrors.NicIpInvalid({ nic: showJson(nic) });
}
