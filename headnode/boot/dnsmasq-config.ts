/**
 * dnsmasq's configuration, as text. dnsmasq has no quoting that could be relied on, so every value must have its one narrow form.
 */
import { isIPv4 } from 'node:net';
import { headErrors } from '../errors.ts';
import type { Machine, Site } from './snapshot.ts';

export interface DhcpOptions {
  /** The interface that is served, and no other. */
  readonly interface: string;
  /** The head's address on it: boot server for TFTP and HTTP. */
  readonly address: string;
  readonly httpPort: number;
  /** For machines that are seen for the first time. */
  readonly range: { readonly start: string; readonly end: string };
  /** Directory of the boot loaders. */
  readonly loaders: string;
  /** Where dnsmasq keeps leases, and finds the machines that are known. */
  readonly files: { readonly leases: string; readonly hosts: string };
  /** The user that it becomes. */
  readonly user: string;
}

/** What firmware fetches first, by the kind of machine that it says to be (RFC 4578): BIOS, and UEFI on 64-bit x86. */
export const LOADERS = { bios: 'undionly.kpxe', efi: 'snponly.efi' } as const;

const LEASE = '1h';

/** @throws BootConfigInvalid for a value that cannot be written */
export function dnsmasqConfig({ network }: Pick<Site, 'network'>, options: DhcpOptions): string {
  const address = ip(options.address);
  const http = `http://${address}${options.httpPort === 80 ? '' : `:${port(options.httpPort)}`}`;
  const gateway = network.gateway === undefined ? '' : `,${ip(network.gateway)}`;
  const resolvers = network.resolvers.map((resolver) => `,${ip(resolver)}`).join('');
  const lines = [
    'port=0',
    `interface=${interfaceName(options.interface)}`,
    // Otherwise TFTP is served there as well.
    'except-interface=lo',
    'bind-interfaces',
    'no-hosts',
    'no-resolv',
    `user=${word(options.user)}`,
    'pid-file=',
    `dhcp-leasefile=${path(options.files.leases)}`,
    `dhcp-hostsfile=${path(options.files.hosts)}`,
    'dhcp-authoritative',
    'dhcp-lease-max=65536',
    `dhcp-range=${ip(options.range.start)},${ip(options.range.end)},${ip(network.netmask)},${LEASE}`,
    // Empty ones say that there is none; dnsmasq would name itself.
    `dhcp-option=3${gateway}`,
    `dhcp-option=6${resolvers}`,
    'dhcp-vendorclass=set:pxe,PXEClient',
    'dhcp-vendorclass=set:http,HTTPClient',
    'dhcp-userclass=set:ipxe,iPXE',
    'dhcp-match=set:bios,option:client-arch,0',
    'dhcp-match=set:efi,option:client-arch,7',
    'dhcp-match=set:efi,option:client-arch,9',
    'dhcp-match=set:efihttp,option:client-arch,16',
    // Who neither boots from the network nor is known here is none of ours.
    'dhcp-ignore=tag:!known,tag:!pxe,tag:!http',
    `dhcp-boot=tag:ipxe,${http}/boot.ipxe`,
    `dhcp-boot=tag:!ipxe,tag:bios,${LOADERS.bios},,${address}`,
    `dhcp-boot=tag:!ipxe,tag:efi,${LOADERS.efi},,${address}`,
    `dhcp-boot=tag:!ipxe,tag:efihttp,${http}/loaders/${LOADERS.efi}`,
    'dhcp-option-force=tag:!ipxe,tag:efihttp,60,HTTPClient',
    'enable-tftp',
    `tftp-root=${path(options.loaders)}`,
    'log-facility=-',
  ];
  return `# Written by zonewright head.\n${lines.join('\n')}\n`;
}

/** The machines that have an address of their own, a line each. @throws BootConfigInvalid */
export function dnsmasqHosts(machines: Iterable<Pick<Machine, 'mac' | 'ip' | 'hostname'>>): string {
  const lines = [...machines].map((machine) => `${mac(machine.mac)},${ip(machine.ip)},${label(machine.hostname)},${LEASE}`);
  return lines.toSorted().map((line) => `${line}\n`).join('');
}

const interfaceName = shaped(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/, 'an interface');
const path = shaped(/^\/[A-Za-z0-9/_.+@-]{1,255}$/, 'a path of letters, digits and "/_.+@-"');
const word = shaped(/^[a-z_][a-z0-9_-]{0,31}$/, 'a user name');
const mac = shaped(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/, 'a MAC address');
const label = shaped(/^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/, 'a host name');

function ip(text: string): string {
  if (!isIPv4(text)) throw headErrors.BootConfigInvalid({ value: JSON.stringify(text), form: 'an IPv4 address' });
  return text;
}

function port(number: number): string {
  if (!Number.isInteger(number) || number < 1 || number > 65535) throw headErrors.BootConfigInvalid({ value: String(number), form: 'a port' });
  return String(number);
}

function shaped(pattern: RegExp, form: string): (text: string) => string {
  return (text) => {
    if (!pattern.test(text)) throw headErrors.BootConfigInvalid({ value: JSON.stringify(text), form });
    return text;
  };
}
