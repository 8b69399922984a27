/** What a host is called, who tells it names, and who tells it the time. */
import { existsSync } from 'node:fs';
import { mkdir, readlink, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname } from 'node:path';
import { hostErrors } from '../../host/errors/host-errors.ts';
import { readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';
import type { Networking } from '../../host/net/networking.ts';
import { run } from '../../host/run/run.ts';

type Names = Pick<Networking, 'hostname' | 'dns_domain' | 'resolvers' | 'ntp_hosts'>;

const RESOLVED_CONFIG = '/run/systemd/resolved.conf.d/zonewright.conf';
const RESOLV_CONF = '/etc/resolv.conf';
/** Debian's chrony looks there for sources that come with the network. */
const CHRONY_SOURCES = '/run/chrony-dhcp/zonewright.sources';

export async function nameAndTime(names: Names): Promise<void> {
  if (names.hostname !== undefined) {
    await writeFile('/proc/sys/kernel/hostname', requireName('hostname', names.hostname));
    await change('/etc/hostname', `${names.hostname}\n`);
  }
  if (names.resolvers.length > 0) await setResolvers(names);
  if (names.ntp_hosts && names.ntp_hosts.length > 0) {
    const news = await change(CHRONY_SOURCES, chronySources(names.ntp_hosts));
    // Without a daemon yet there is nobody to tell.
    if (news && existsSync('/usr/bin/chronyc')) await run(['chronyc', 'reload', 'sources'], { acceptExitCodes: [0, 1] });
  }
}

async function setResolvers(names: Names): Promise<void> {
  if (!(await usesResolved())) await change(RESOLV_CONF, resolvConf(names));
  else if (await change(RESOLVED_CONFIG, resolvedConfig(names))) await run(['systemctl', '--no-block', 'try-restart', 'systemd-resolved.service']);
}

/** Whether names are asked of systemd-resolved. */
export async function usesResolved(): Promise<boolean> {
  const target = await readlink(RESOLV_CONF).catch(() => '');
  return target.includes('systemd/resolve');
}

/** `/etc/resolv.conf`. */
export function resolvConf({ dns_domain, resolvers }: Names): string {
  return [...(dns_domain === undefined ? [] : [`search ${requireName('dns_domain', dns_domain)}`]), ...resolvers.map((ip) => `nameserver ${requireAddress('resolvers', ip)}`), ''].join('\n');
}

/** A drop-in for `resolved.conf`. */
export function resolvedConfig({ dns_domain, resolvers }: Names): string {
  const lines = [`DNS=${resolvers.map((ip) => requireAddress('resolvers', ip)).join(' ')}`, ...(dns_domain === undefined ? [] : [`Domains=${requireName('dns_domain', dns_domain)}`])];
  return ['[Resolve]', ...lines, ''].join('\n');
}

/** Sources for chrony. */
export function chronySources(hosts: readonly string[]): string {
  return [...hosts.map((host) => `server ${isIP(host) === 0 ? requireName('ntp_hosts', host) : requireAddress('ntp_hosts', host)} iburst`), ''].join('\n');
}

function requireName(key: string, value: string): string {
  if (/^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(value)) return value;
  throw hostErrors.UnsafeConfigValue({ key, value: JSON.stringify(value), reason: 'it is not a DNS name' });
}

function requireAddress(key: string, value: string): string {
  if (isIP(value) !== 0 && !value.includes('%')) return value;
  throw hostErrors.UnsafeConfigValue({ key, value: JSON.stringify(value), reason: 'it is not an IP address' });
}

/** @returns whether the file was another */
async function change(path: string, text: string): Promise<boolean> {
  if ((await readFileIfPresent(path)) === text) return false;
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomically(path, text, { durable: false, mode: 0o644 });
  return true;
}
