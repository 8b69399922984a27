import { loadNode } from '../../../host/config/node-config.ts';
import { ZonewrightError, isErrorCode } from '../../../host/errors/errors.ts';
import { isBridge } from '../../../host/net/bridge.ts';
import { readNicTags } from '../../../host/net/nic-tags.ts';
import { run } from '../../../host/run/run.ts';
import { limited, missing, ok, type Answer, type Check } from '../check.ts';

/** Each is tried in a network namespace that is gone with the program. */
const NOWHERE = ['unshare', '--net', '--'] as const;

const NFT_REMEDY = 'Use a kernel with the nftables modules for it; Debian’s stock kernel has them.';
const INGRESS_FILTER = [
  'add table netdev z',
  'add chain netdev z c { type filter hook ingress device "lo" priority -500; policy accept; }',
  'add rule netdev z c ether type != { ip, ip6, arp } drop',
];
const STATEFUL_FILTER = ['add table bridge z', 'add chain bridge z c { type filter hook forward priority 0; }', 'add rule bridge z c ct state established accept'];

export const NETWORK_CHECKS: readonly Check[] = [
  { name: 'bridges', needed: true, probe: () => tryLink(['type', 'bridge'], 'work', 'Load the bridge module: modprobe bridge') },
  { name: 'veth', needed: true, probe: () => tryLink(['type', 'veth'], 'work', 'Load the veth module: modprobe veth') },
  {
    name: 'nftables',
    needed: true,
    probe: () => tryNft(INGRESS_FILTER, 'ingress filters per nic work', (reason) => missing(`no ingress filters, which zones start with: ${reason}`, NFT_REMEDY)),
  },
  {
    name: 'connection tracking',
    probe: () => tryNft(STATEFUL_FILTER, 'on bridges', (reason) => limited(`not on bridges, so firewall rules will be stateless: ${reason}`, NFT_REMEDY)),
  },
  { name: 'VLANs', probe: () => tryLink(['type', 'bridge', 'vlan_filtering', '1'], 'bridges filter VLANs', 'Use a kernel with CONFIG_BRIDGE_VLAN_FILTERING.') },
  { name: 'VXLAN', probe: () => tryLink(['type', 'vxlan', 'id', '1', 'dstport', '4789'], 'overlays can be made', 'Use a kernel with CONFIG_VXLAN.') },
  { name: 'nic tags', probe: probeNicTags },
];

async function tryLink(type: readonly string[], having: string, remedy: string): Promise<Answer> {
  const { exitCode, stderr } = await run([...NOWHERE, 'ip', 'link', 'add', 'name', 'zwprobe', ...type], { acceptExitCodes: [0, 1, 2, 255] });
  return exitCode === 0 ? ok(having) : missing(firstLine(stderr), remedy);
}

async function tryNft(script: readonly string[], having: string, lacking: (reason: string) => Answer): Promise<Answer> {
  try {
    const { exitCode, stderr } = await run([...NOWHERE, 'nft', '-f', '-'], { input: `${script.join('\n')}\n`, acceptExitCodes: [0, 1] });
    return exitCode === 0 ? ok(having) : lacking(firstLine(stderr));
  } catch (error) {
    if (isErrorCode(error, 'CommandMissing')) return missing('not installed', 'apt-get install nftables');
    throw error;
  }
}

async function probeNicTags(): Promise<Answer> {
  try {
    const tags = Object.entries(await readNicTags(await loadNode()));
    const without = tags.filter(([, { bridge }]) => !isBridge(bridge)).map(([name]) => name);
    if (tags.length === 0) return limited('none', 'Run `zonewright setup`.');
    if (without.length > 0) return limited(`no bridge for ${without.join(', ')}`, 'Run `zonewright setup`.');
    return ok(tags.map(([name, { bridge }]) => `${name} on ${bridge}`).join(', '));
  } catch (error) {
    if (error instanceof ZonewrightError) return limited('none yet', 'Run `zonewright setup`.');
    throw error;
  }
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
