/** Where a host's networking.json comes from. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Node } from '../../host/config/node-config.ts';
import { readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';
import { isErrorCode } from '../../host/errors/errors.ts';
import { isCarrier, listLinks } from '../../host/net/links.ts';
import { run } from '../../host/run/run.ts';
import { parseNetworking, parseNetworkingText, type Networking } from '../../host/net/networking.ts';

export interface NetworkingFound {
  /** Undefined when there is none anywhere. */
  readonly document: Networking | undefined;
  readonly from: 'boot module' | 'pool' | 'kernel parameters' | 'nowhere';
  /** Documents that could not be used, each with its reason. */
  readonly problems: readonly string[];
}

/** Where `init` puts the files that came with the boot. */
export const BOOT_MODULES = '/system/boot';

export interface BootSources {
  /** The node whose pool may keep one; undefined for a host that is none yet. */
  readonly node?: Pick<Node, 'paths'> | undefined;
  readonly bootModules?: string;
  /** The kernel's, by name. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/**
 * The networks of this boot: what came with it, else what the pool keeps, else what the kernel was told (`admin_nic`, with
 * `admin_ip` and `admin_netmask`, else by DHCP). One that is wrong is passed over, and said.
 */
export async function networkingForBoot({ node, bootModules = BOOT_MODULES, parameters = {} }: BootSources = {}): Promise<NetworkingFound> {
  const problems: string[] = [];
  const attempt = (from: Exclude<NetworkingFound['from'], 'nowhere'>, read: () => Networking | undefined): NetworkingFound | undefined => {
    try {
      const document = read();
      return document && { document, from, problems };
    } catch (error) {
      if (!isErrorCode(error, 'NetworkingInvalid')) throw error;
      problems.push(`${from}: ${error.message}`);
      return undefined;
    }
  };
  const module = await readFileIfPresent(join(bootModules, 'networking.json'));
  const kept = node && (await readFileIfPresent(keptPath(node)));
  return (
    attempt('boot module', () => (module === undefined ? undefined : parseNetworkingText(module))) ??
    attempt('pool', () => (kept === undefined ? undefined : parseNetworkingText(kept))) ??
    attempt('kernel parameters', () => networkingFromParameters(parameters)) ?? { document: undefined, from: 'nowhere', problems }
  );
}

/** Keep a document in the pool, durably: the next boot that brings none uses it. */
export async function keepNetworking(node: Pick<Node, 'paths'>, document: Networking): Promise<void> {
  const text = `${JSON.stringify(document, null, 2)}\n`;
  if ((await readFileIfPresent(keptPath(node))) !== text) await writeFileAtomically(keptPath(node), text, { durable: true });
}

/** A document out of the kernel's parameters; undefined when they name no interface. @throws NetworkingInvalid */
export function networkingFromParameters({ admin_nic: mac, admin_ip: ip = 'dhcp', admin_netmask: netmask, admin_gateway: gateway, hostname }: Readonly<Record<string, string>>): Networking | undefined {
  if (mac === undefined) return undefined;
  const where = ip === 'dhcp' ? { ip } : { ip, netmask, gateway };
  return parseNetworking({ ...(hostname === undefined ? {} : { hostname }), nictags: [{ name: 'admin', mac }], vnics: [{ mac, nic_tag: 'admin', primary: true, ...where }] });
}

/** For a machine that nobody told anything: its first interface with a carrier, by DHCP. Undefined when it has none with one. */
export async function defaultNetworking({ carrierSeconds = 10 }: { readonly carrierSeconds?: number } = {}): Promise<Networking | undefined> {
  // An interface that is down has no carrier whatever is plugged into it.
  for (const { name } of (await listLinks()).filter(isCarrier)) await run(['ip', 'link', 'set', 'dev', name, 'up']);
  const deadline = performance.now() + carrierSeconds * 1000;
  for (;;) {
    const [link] = (await listLinks()).filter((one) => isCarrier(one) && one.hasCarrier).sort((one, other) => (one.name < other.name ? -1 : 1));
    if (link) return networkingFromParameters({ admin_nic: link.mac });
    if (performance.now() >= deadline) return undefined;
    await sleep(LOOK_MILLISECONDS);
  }
}

const LOOK_MILLISECONDS = 200;

function keptPath({ paths }: Pick<Node, 'paths'>): string {
  return join(paths.config, 'networking.json');
}
