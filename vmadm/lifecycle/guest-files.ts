import type { VmRecord } from '../payload/index.ts';

/** A file that a zone finds at its first boot, by its path below the zone's root. */
export interface GuestFile {
  readonly path: string;
  readonly content: string;
}

/** Who the zone is and whom it asks for names. The marker in `/var/svc` is that of reference §3.3. */
export function guestFiles(record: VmRecord): GuestFile[] {
  const hostname = record.hostname ?? record.uuid;
  return [
    { path: 'etc/hostname', content: `${hostname}\n` },
    { path: 'etc/hosts', content: hosts(record, hostname) },
    ...(record.resolvers.length > 0 ? [{ path: RESOLVERS, content: resolvConf(record) }] : []),
  ];
}

/** A file that a zone has from us, and what an update makes of it. */
export interface GuestFileChange {
  readonly path: string;
  readonly before: string;
  readonly after: string;
  /** Written even where the guest has changed it: `maintain_resolvers` says so. Others stay the guest's once it has. */
  readonly ours: boolean;
}

/** What an update changes in the files of a zone. */
export function guestFileChanges(before: VmRecord, after: VmRecord): GuestFileChange[] {
  const [old, now] = [contents(before), contents(after)];
  const maintained = after.maintain_resolvers === true;
  const paths = ['etc/hostname', 'etc/hosts', ...(maintained ? [RESOLVERS] : [])];
  const turnedOn = maintained && before.maintain_resolvers !== true;
  return paths
    .map((path) => ({ path, before: old.get(path) ?? '', after: now.get(path) ?? '', ours: path === RESOLVERS }))
    .filter((file) => file.before !== file.after || (file.ours && turnedOn));
}

const RESOLVERS = 'etc/resolv.conf';

function contents(record: VmRecord): Map<string, string> {
  return new Map([[RESOLVERS, resolvConf(record)] as const, ...guestFiles(record).map(({ path, content }) => [path, content] as const)]);
}

function hosts(record: VmRecord, hostname: string): string {
  const names = hostname.includes('.') || !record.dns_domain ? hostname : `${hostname}.${record.dns_domain} ${hostname}`;
  const addresses = record.nics.flatMap((nic) => nic.ips ?? []).filter((ip) => ip.includes('/') && !ip.includes(':'));
  const own = addresses[0]?.split('/')[0] ?? '127.0.1.1';
  return ['127.0.0.1 localhost', '::1 localhost ip6-localhost ip6-loopback', `${own} ${names}`, ''].join('\n');
}

function resolvConf(record: VmRecord): string {
  const search = record.dns_domain ? [`search ${record.dns_domain}`] : [];
  return [...search, ...record.resolvers.map((resolver) => `nameserver ${resolver}`), ''].join('\n');
}
