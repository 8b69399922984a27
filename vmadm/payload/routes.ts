/** Routes of an instance (reference §2.4): where they lead to, and over what. */
import { isIP } from 'node:net';
import { vmErrors } from '../errors.ts';
import { parseCidr, parseMac } from './addresses.ts';
import type { FlatObject } from './property.ts';
import type { NicRecord } from './record.ts';

/** Refuse routes that are malformed or lead over a nic that is not there or has no address of its own. */
export function requireRoutes(routes: FlatObject, nics: readonly NicRecord[]): void {
  for (const [destination, value] of Object.entries(routes)) {
    const gateway = String(value);
    if (!isDestination(destination)) throw vmErrors.RouteDestination({ destination });
    if (isIP(gateway) !== 0) continue;
    const nic = nicOfGateway(gateway, nics);
    if (nic === 'malformed') throw vmErrors.RouteGateway({ gateway });
    if (!nic?.ips?.some((ip) => parseCidr(ip))) throw vmErrors.RouteNic({ gateway });
  }
}

/** Whether text is what a route may lead to. */
export function isDestination(text: string): boolean {
  return (isIP(text) !== 0 && !text.includes('%')) || parseCidr(text) !== undefined;
}

/** The nic that `nics[N]` or `macs[MAC]` names. */
export function nicOfGateway(gateway: string, nics: readonly NicRecord[]): NicRecord | 'malformed' | undefined {
  const index = /^nics\[(\d{1,4})\]$/.exec(gateway)?.[1];
  if (index !== undefined) return nics[Number(index)];
  const mac = parseMac(/^macs\[([^\]]+)\]$/.exec(gateway)?.[1] ?? '');
  return mac === undefined ? 'malformed' : nics.find((nic) => nic.mac === mac);
}
