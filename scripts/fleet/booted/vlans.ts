/** VLANs between booted nodes, whose switch has no idea of them. */
import type { Checks } from '../check.ts';
import { INTERNAL } from '../head-host.ts';
import type { FleetNode } from '../node-host.ts';
import type { Instance } from '../session.ts';
import type { BootedFleet } from './fleet.ts';
import { inZone, vmsOn, type Vm } from './inside.ts';
import type { BootedNode } from './members.ts';

/** Instances in one VLAN reach each other from node to node; one in another VLAN, with an address of the same network, does not reach them. */
export async function vlansAreApart(fleet: BootedFleet, checks: Checks): Promise<Instance[]> {
  checks.stage('VLANs from node to node');
  const { head, nodes: [here, there] } = fleet;
  if (!here || !there) throw new Error('a fleet has two nodes');
  // Nobody's own address may be the one that is looked for.
  for (const [vlan, first, last] of [['42', '10', '99'], ['43', '110', '199']] as const) await head.command('network', 'add', `lan${vlan}`, '10.42.0.0/24', '--nic-tag', 'admin', '--vlan', vlan, '--start', `10.42.0.${first}`, '--end', `10.42.0.${last}`);
  const place = async (name: string, network: string, node: BootedNode): Promise<Instance> => placeZone(fleet, { name, network, node, checks });
  const [one, other, stranger] = await Promise.all([place('lan42a', 'lan42', here), place('lan42b', 'lan42', there), place('lan43', 'lan43', there)]);
  const target = (await vmOn(here, one.id)).nics[0]?.ip ?? '';
  const reaches = async ({ id }: Instance): Promise<boolean> => (await inZone(there, id, 'ping', '-c', '1', '-W', '3', target)).exitCode === 0;
  await checks.see(`lan42b on ${there.host.name} reaches lan42a on ${here.host.name} at ${target}`, () => reaches(other));
  await checks.see(`lan43 on ${there.host.name}, with an address of the same network in VLAN 43, does not`, async () => !(await reaches(stranger)));
  return [one, other, stranger];
}

interface Wanted {
  readonly name: string;
  readonly network: string;
  readonly node: BootedNode;
  readonly checks: Checks;
}

/** A zone on a certain node, as an operator asks VMAPI for it. */
async function placeZone({ head, customer, zoneImage }: BootedFleet, { name, network, node, checks }: Wanted): Promise<Instance> {
  const [{ id: owner }, [lan], [small]] = await Promise.all([
    customer.ask('account', 'get', '-j').then((text) => JSON.parse(text) as { id: string }),
    head.api<Array<{ uuid: string }>>(`/networks?name=${network}`),
    head.api<Array<{ uuid: string }>>('/packages?name=small'),
  ]);
  const request = { owner_uuid: owner, brand: 'lx', alias: name, image_uuid: zoneImage, billing_id: small?.uuid, networks: [{ uuid: lan?.uuid, primary: true }], server_uuid: node.uuid };
  const { stdout } = await customer.host.run(['curl', '--silent', '--show-error', '--fail-with-body', '--json', JSON.stringify(request), `${INTERNAL}/vms`]);
  const { vm_uuid: id } = JSON.parse(stdout) as { vm_uuid: string };
  await checks.see(`${name} runs on ${node.host.name}`, async () => (await head.api<{ state: string }>(`/vms/${id}`)).state === 'running', 300);
  return { id, name };
}

async function vmOn(node: FleetNode, uuid: string): Promise<Vm> {
  const vm = (await vmsOn(node)).find((one) => one.uuid === uuid);
  if (!vm) throw new Error(`${node.host.name} does not have instance ${uuid}`);
  return vm;
}
