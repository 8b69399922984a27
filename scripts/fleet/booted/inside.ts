/** What holds inside booted nodes and their zones, where the kernel is the platform's. */
import type { Checks } from '../check.ts';
import type { FleetNode } from '../node-host.ts';
import { create, machineOf, type Instance } from '../session.ts';
import type { BootedFleet } from './fleet.ts';

interface Vm {
  readonly uuid: string;
  readonly brand: string;
  readonly state: string;
  readonly nics: ReadonlyArray<{ readonly ip: string; readonly interface: string }>;
}

const KILLED = 128 + 9;
const ANY_STATUS = Array.from({ length: 256 }, (_, code) => code);

/** Limits, ids and addresses of a zone are what they should be, and it cannot be somebody else on the network. */
export async function zonesAreKeptApart({ nodes }: BootedFleet, instances: readonly Instance[], checks: Checks): Promise<void> {
  checks.tell('\n== Inside the nodes');
  for (const node of nodes) {
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

/** Instances in one VLAN reach each other from node to node; one in another VLAN, with an address of the same network, does not reach them. */
export async function vlansAreApart(fleet: BootedFleet, checks: Checks): Promise<Instance[]> {
  checks.tell('\n== VLANs from node to node');
  const { head, customer } = fleet;
  for (const vlan of ['42', '43']) await head.command('network', 'add', `lan${vlan}`, '10.42.0.0/24', '--nic-tag', 'admin', '--vlan', vlan, '--start', `10.42.0.${vlan}`, '--end', `10.42.0.${Number(vlan) + 40}`);
  const made = [await create(customer, 'lan42a', 'minimal', '--network=lan42'), await create(customer, 'lan42b', 'minimal', '--network=lan42'), await create(customer, 'lan43', 'minimal', '--network=lan43')];
  const [one, other, stranger] = made;
  if (!one || !other || !stranger) throw new Error('three were made');
  const servers = await Promise.all([one, other].map(async ({ id }) => (await machineOf(customer, id)).compute_node));
  const target = (await vmOf(fleet, one.id)).vm.nics.find(({ ip }) => ip.startsWith('10.42.'))?.ip ?? '';
  const ping = async (from: Instance): Promise<boolean> => {
    const { node, vm } = await vmOf(fleet, from.id);
    return (await inZone(node, vm.uuid, 'ping', '-c', '1', '-W', '3', target)).exitCode === 0;
  };
  await checks.see(`lan42b reaches lan42a at ${target}, ${servers[0] === servers[1] ? 'on the same node' : 'on the other node'}`, () => ping(other));
  await checks.see(`lan43, with an address of the same network in VLAN 43, does not`, async () => !(await ping(stranger)));
  return made;
}

async function vmOf({ nodes }: BootedFleet, uuid: string): Promise<{ readonly node: FleetNode; readonly vm: Vm }> {
  for (const node of nodes) {
    const vm = (await vmsOn(node)).find((one) => one.uuid === uuid);
    if (vm) return { node, vm };
  }
  throw new Error(`no node has instance ${uuid}`);
}

/** The instances that a node has, as its `vmadm` tells them. */
export async function vmsOn({ vmadm }: Pick<FleetNode, 'vmadm'>): Promise<Vm[]> {
  return JSON.parse(await vmadm('lookup', '-j')) as Vm[];
}

function inZone({ host }: FleetNode, uuid: string, ...argv: readonly string[]): ReturnType<FleetNode['host']['run']> {
  return host.run(['zlogin', uuid, ...argv], { acceptExitCodes: ANY_STATUS });
}
