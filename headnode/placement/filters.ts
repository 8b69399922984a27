/** Which servers qualify: one entry for each rule, in the order in which they are asked (control-plane §2.7). */
import type { WireObject } from '../services.ts';
import { divide, type Standing } from './capacity.ts';
import { objectOf } from './figures.ts';
import { HVM_OVERHEAD, type Need } from './need.ts';

export interface Filter {
  readonly name: string;
  /** A preference: where it would leave no server it is passed over. */
  readonly soft?: true;
  /** @returns why the server does not qualify */
  refuse(standing: Standing, need: Need, limits: Limits): string | undefined;
}

/** What operators may set. */
export interface Limits {
  /** The most VMs of a server. */
  readonly vmCount: number;
}

export const DEFAULT_LIMITS: Limits = { vmCount: 224 };

export const FILTERS: readonly Filter[] = [
  {
    name: 'hard-filter-requested-servers',
    refuse: ({ candidate }, { servers }) => (servers && !servers.has(candidate.server.uuid) ? 'it is not one of the servers that were asked for' : undefined),
  },
  { name: 'hard-filter-setup', refuse: ({ candidate }) => (candidate.server.setup ? undefined : 'it is not set up') },
  {
    name: 'hard-filter-running',
    refuse: ({ candidate: { server } }) => (server.status === 'running' ? undefined : `its status is ${server.status}`),
  },
  {
    name: 'hard-filter-reserved',
    refuse: ({ candidate: { server } }, { servers }) => (server.reserved && !servers ? 'it is reserved, and was not asked for by name' : undefined),
  },
  { name: 'hard-filter-vlans', refuse: ({ candidate }, { tags }) => missingTag(candidate.tags, tags) },
  {
    name: 'hard-filter-vm-count',
    refuse: ({ vmCount }, _need, limits) => (vmCount < limits.vmCount ? undefined : `it has ${vmCount} VMs, and ${limits.vmCount} are the most`),
  },
  {
    name: 'hard-filter-hvm',
    refuse: ({ candidate: { server } }, { brand }) => {
      if (HVM_OVERHEAD[brand ?? ''] === undefined) return undefined;
      const capable = brand === 'bhyve' ? (server.sysinfo['Bhyve Capable'] ?? server.sysinfo['VM Capable']) : server.sysinfo['VM Capable'];
      return capable === false ? `it does not run machines of brand ${brand}` : undefined;
    },
  },
  { name: 'hard-filter-os', refuse: ({ candidate }, { image }) => wrongSystem(candidate.server.sysinfo, image) },
  { name: 'hard-filter-platform-versions', refuse: ({ candidate }, { image }) => wrongPlatform(candidate.server.sysinfo, image) },
  { name: 'hard-filter-min-ram', refuse: (standing, need) => tooLittle(standing, { need, resource: 'ram', unit: ' MiB of memory' }) },
  { name: 'hard-filter-min-disk', refuse: (standing, need) => tooLittle(standing, { need, resource: 'disk', unit: ' MiB of disk' }) },
  { name: 'hard-filter-min-cpu', refuse: (standing, need) => tooLittle(standing, { need, resource: 'cpu', unit: ' % of a processor' }) },
  {
    name: 'soft-filter-capness',
    soft: true,
    refuse: ({ capped, uncapped }, { cpu }) => {
      if (cpu > 0 && uncapped > 0) return `it has ${uncapped} VMs without a cpu_cap`;
      return cpu === 0 && capped > 0 ? `it has ${capped} VMs with a cpu_cap` : undefined;
    },
  },
  {
    name: 'soft-filter-headnode',
    soft: true,
    refuse: ({ candidate: { server } }, { servers }) => (server.headnode && !servers ? 'it is a head node' : undefined),
  },
];

function missingTag(tags: ReadonlyMap<string, boolean>, needed: Need['tags']): string | undefined {
  for (const alternatives of needed) {
    // An overlay's tag has the number of its network behind it.
    const names = alternatives.map((tag) => tag.split('/')[0] ?? tag);
    if (names.some((name) => tags.get(name))) continue;
    const down = names.filter((name) => tags.has(name));
    return down.length > 0 ? `the link of nic tag ${down.join(', ')} is down` : `it has no nic tag ${names.join(' or ')}`;
  }
  return undefined;
}

/** Images of SmartOS's own programs need its kernel, those of Linux as containers need Linux; the rest runs on both. */
function wrongSystem(sysinfo: WireObject, image: WireObject): string | undefined {
  const system = String(sysinfo['System Type'] ?? 'Linux');
  const isLinux = system !== 'SunOS';
  if (image['os'] === 'smartos' && image['type'] !== 'zvol' && isLinux) return `image os smartos does not run on ${system}`;
  if (!isLinux && ['lxd', 'docker', 'oci'].includes(String(image['type']))) return `image type ${String(image['type'])} does not run on ${system}`;
  return undefined;
}

/** `requirements.min_platform` and `max_platform` of the image: an object of SDC version and platform stamp. */
function wrongPlatform(sysinfo: WireObject, image: WireObject): string | undefined {
  const requirements = objectOf(image['requirements']);
  const stamp = String(sysinfo['Live Image'] ?? '');
  // Stamps of two systems say nothing of each other.
  if (sysinfo['System Type'] !== 'SunOS' || stamp === '') return undefined;
  const version = String(sysinfo['SDC Version'] ?? '7.0');
  const least = objectOf(requirements['min_platform'])[version];
  const most = objectOf(requirements['max_platform'])[version];
  if (typeof least === 'string' && stamp < least) return `its platform ${stamp} is older than ${least}`;
  return typeof most === 'string' && stamp > most ? `its platform ${stamp} is newer than ${most}` : undefined;
}

function tooLittle({ candidate, free }: Standing, { need, resource, unit }: { readonly need: Need; readonly resource: 'cpu' | 'ram' | 'disk'; readonly unit: string }): string | undefined {
  const wanted = divide(need, candidate.ratios)[resource];
  if (wanted === 0 || wanted <= free[resource]) return undefined;
  return `it has ${Math.max(0, Math.floor(free[resource]))}${unit} left, and ${Math.ceil(wanted)} are needed`;
}
