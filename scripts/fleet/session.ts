import type { Checks } from './check.ts';
import type { Fleet } from './fleet.ts';

/** An instance that CloudAPI has acknowledged. */
export interface Instance {
  readonly id: string;
  readonly name: string;
}

interface Machine {
  readonly id: string;
  readonly state: string;
  readonly primaryIp?: string;
  readonly compute_node?: string;
}

/** What a customer does on an ordinary day, with npm's `triton`: zones on every node and a machine. @returns what is there at the end */
export async function ordinaryDay({ nodes, customer }: Pick<Fleet, 'nodes' | 'customer'>, checks: Checks): Promise<Instance[]> {
  checks.stage('An ordinary day with triton');
  await customer.triton('account', 'get');
  for (const list of ['keys', 'images', 'packages', 'networks'] as const) await customer.triton(list);
  const made: Instance[] = [];
  for (const name of nodes.map((_, index) => `zone${index + 1}`)) made.push(await create(customer, name, 'minimal'));
  const machine = await create(customer, 'machine1', 'tiny-vm');
  await customer.triton('instances');
  await customer.triton('instance', 'get', 'zone1');
  const servers = new Set(await Promise.all(made.map(async ({ id }) => (await machineOf(customer, id)).compute_node)));
  await checks.see(`${made.length} zones are on ${nodes.length} different nodes`, async () => servers.size === nodes.length);
  for (const { id, name } of [...made, machine]) {
    const { primaryIp } = await machineOf(customer, id);
    await checks.see(`${name} answers at ${primaryIp}`, async () => (await customer.host.run(['ping', '-c', '1', '-W', '2', primaryIp ?? ''], { acceptExitCodes: [0, 1, 2] })).exitCode === 0, 180);
  }
  const [first] = made;
  if (!first) throw new Error('a fleet has a node');
  await customer.triton('instance', 'stop', '-w', first.name);
  await customer.triton('instance', 'start', '-w', first.name);
  await customer.triton('instance', 'reboot', '-w', first.name);
  await customer.triton('instance', 'tag', 'set', '-w', first.name, 'tier=web');
  await customer.triton('instance', 'metadata', 'set', '-w', first.name, 'colour=blue');
  await customer.triton('instance', 'audit', first.name);
  await checks.see('the zone on its node has the tag and the metadata', async () => {
    const objects = await Promise.all(nodes.map(({ vmadm }) => vmadm('lookup', '-j', `uuid=${first.id}`)));
    const [vm] = objects.flatMap((text) => JSON.parse(text) as Array<{ tags: { tier?: string }; customer_metadata: { colour?: string } }>);
    return vm?.tags.tier === 'web' && vm.customer_metadata.colour === 'blue';
  });
  return [...made, machine];
}

/** Create an instance and wait until it runs. */
export async function create(customer: Fleet['customer'], name: string, image: string, ...more: readonly string[]): Promise<Instance> {
  await customer.triton('instance', 'create', '-w', `--name=${name}`, '--network=fleet', ...more, image, 'small');
  const { id } = await machineOf(customer, name);
  return { id, name };
}

/** CloudAPI's object of an instance. */
export async function machineOf({ ask }: Pick<Fleet['customer'], 'ask'>, idOrName: string): Promise<Machine> {
  return JSON.parse(await ask('instance', 'get', idOrName)) as Machine;
}
