/** What holds inside booted nodes and their zones, where the kernel is the platform's. */
import type { Checks } from '../check.ts';
import type { FleetNode } from '../node-host.ts';
import type { Instance } from '../session.ts';
import type { BootedFleet } from './fleet.ts';

/** As `vmadm lookup -j` tells it. */
export interface Vm {
  readonly uuid: string;
  readonly brand: string;
  readonly state: string;
  readonly nics: ReadonlyArray<{ readonly ip: string; readonly interface: string }>;
}

const KILLED = 128 + 9;
const ANY_STATUS = Array.from({ length: 256 }, (_, code) => code);

/** Limits, ids and addresses of a zone are what they should be, and it cannot be somebody else on the network. */
export async function zonesAreKeptApart({ nodes }: BootedFleet, instances: readonly Instance[], checks: Checks): Promise<void> {
  checks.stage('Inside the nodes');
  await Promise.all(nodes.map((node) => zoneIsKeptApart(node, instances, checks)));
}

async function zoneIsKeptApart(node: FleetNode, instances: readonly Instance[], checks: Checks): Promise<void> {
  const zone = (await vmsOn(node)).find(({ brand, uuid }) => brand === 'lx' && instances.some(({ id }) => id === uuid));
  if (!zone) throw new Error(`${node.host.name} has no zone`);
  await limitsHold(node, zone, checks);
  const map = (await inZone(node, zone.uuid, 'cat', '/proc/self/uid_map')).stdout.trim().split(/\s+/).map(Number);
  await checks.see(`${node.host.name}: the zone’s root is uid ${map[1]} of the node, and its files are root’s on disk`, async () => {
    const { stdout: owner } = await node.host.run(['stat', '--format=%u', `/zones/${zone.uuid}/root/etc`]);
    return map[0] === 0 && (map[1] ?? 0) >= 65_536 && map[2] === 65_536 && owner.trim() === '0';
  });
  await addressIsItsOwn(node, zone, checks);
}

async function limitsHold(node: FleetNode, { uuid }: Vm, checks: Checks): Promise<void> {
  const group = `/sys/fs/cgroup/zonewright/${uuid}/lxc.payload.${uuid}`;
  const { stdout } = await node.host.run(['cat', `${group}/memory.max`, `${group}/pids.max`, `${group}/cpu.max`]);
  const [memory = '', processes = '', cpu = ''] = stdout.trim().split('\n');
  await checks.see(`${node.host.name}: cgroup v2 limits the zone to ${memory} bytes, ${processes} processes, ${cpu} µs`, async () => [memory, processes, cpu].every((limit) => /^\d+/.test(limit)));
  await checks.see(`${node.host.name}: a process that takes more memory than the zone has is killed, and the zone runs on`, async () => {
    const { exitCode } = await inZone(node, uuid, 'dd', 'if=/dev/zero', 'of=/dev/null', 'bs=1G', 'count=1');
    return exitCode === KILLED && (await vmsOn(node)).some((vm) => vm.uuid === uuid && vm.state === 'running');
  });
}

/** With its own address a zone is answered, with another one it is not. */
async function addressIsItsOwn(node: FleetNode, { uuid, nics: [nic] }: Vm, checks: Checks): Promise<void> {
  if (!nic) throw new Error(`zone ${uuid} has no nic`);
  const [own, gateway] = [nic.ip, nic.ip.replace(/\d+$/, '254')];
  const stolen = nic.ip.replace(/\d+$/, '77');
  await checks.see(`${node.host.name}: the zone is answered at its own address ${own}`, async () => (await inZone(node, uuid, 'ping', '-c', '1', '-W', '3', gateway)).exitCode === 0);
  await inZone(node, uuid, 'ip', 'address', 'add', `${stolen}/24`, 'dev', nic.interface);
  await checks.see(`${node.host.name}: with the address ${stolen}, which is not its own, it is not`, async () => (await inZone(node, uuid, 'ping', '-c', '2', '-W', '3', '-I', stolen, gateway)).exitCode !== 0);
  await inZone(node, uuid, 'ip', 'address', 'del', `${stolen}/24`, 'dev', nic.interface);
}

/** The instances that a node has, as its `vmadm` tells them. */
export async function vmsOn({ vmadm }: Pick<FleetNode, 'vmadm'>): Promise<Vm[]> {
  return JSON.parse(await vmadm('lookup', '-j')) as Vm[];
}

/** A program in a zone, with whatever it ends. */
export function inZone({ host }: FleetNode, uuid: string, ...argv: readonly string[]): ReturnType<FleetNode['host']['run']> {
  return host.run(['zlogin', uuid, ...argv], { acceptExitCodes: ANY_STATUS });
}
