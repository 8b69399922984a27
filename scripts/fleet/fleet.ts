import { buildSeed } from '../../images/seed/build.ts';
import type { Checks } from './check.ts';
import { newCustomer, type Customer } from './customer.ts';
import { headOn, INTERNAL, type Head } from './head-host.ts';
import { makeHosts, SUBNET } from './hosts.ts';
import { nodeOn, setUp, type FleetNode } from './node-host.ts';

/** A head node, its nodes, and a customer. */
export interface Fleet {
  readonly head: Head;
  readonly nodes: readonly FleetNode[];
  readonly customer: Customer;
  readonly zoneImage: string;
  readonly machineImage: string;
}

/** Build a fleet on this machine, as operators do: a head, nodes that join it, a network, packages, images, an account. */
export async function buildFleet(sandbox: string, nodeCount: number, checks: Checks): Promise<Fleet> {
  checks.stage('A head node and its nodes');
  const names = Array.from({ length: nodeCount }, (_, index) => `node${index + 1}`);
  const [headHost, ...nodeHosts] = await makeHosts(sandbox, ['head', ...names]);
  if (!headHost) throw new Error('a fleet has a head');
  await setUp(headHost);
  const head = headOn(headHost);
  await head.start();
  checks.tell(`head   ${headHost.address}, its data in ${headHost.directory}/zones/head`);
  const nodes = nodeHosts.map(nodeOn);
  for (const node of nodes) {
    await node.join(head);
    await node.start();
    checks.tell(`${node.host.name}  ${node.host.address}, its pool on ${node.pool}`);
  }
  await checks.see(`all ${nodeCount} nodes have registered and are running`, async () => (await head.servers()).filter(({ status }) => status === 'running').length === nodeCount);
  await head.command('network', 'add', 'fleet', SUBNET, '--nic-tag', 'admin', '--start', '10.99.0.100', '--end', '10.99.0.199');
  const { zoneImage, machineImage } = await stock(head, 'bin/imgadm', checks);
  const customer = await newCustomer(head, { host: headHost, directory: headHost.directory }, 'alice', checks.tell);
  return { head, nodes, customer, zoneImage, machineImage };
}

/** What customers choose from: a package, and an image of each kind. @param imgadm the command on the head */
export async function stock(head: Head, imgadm: string, checks: Checks): Promise<{ readonly zoneImage: string; readonly machineImage: string }> {
  await head.command('package', 'add', 'small', '--ram', '128', '--disk', '1024', '--cpu', '100', '--vcpus', '1');
  const [zoneImage, machineImage] = [await publish(head, imgadm, 'minimal'), await publish(head, imgadm, 'tiny-vm')];
  checks.tell('package small, images minimal and tiny-vm are there');
  return { zoneImage, machineImage };
}

async function publish(head: Head, imgadm: string, name: string): Promise<string> {
  const { archive, manifests } = await buildSeed(name);
  const manifest = manifests[0];
  if (!manifest) throw new Error(`the seed ${name} has no manifest`);
  const [manifestThere, archiveThere] = [await head.host.bring(manifest.path), await head.host.bring(archive)];
  await head.host.run([imgadm, 'publish', '-m', manifestThere, '-f', archiveThere, INTERNAL]);
  return manifest.uuid;
}
