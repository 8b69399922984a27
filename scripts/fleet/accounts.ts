import type { Checks } from './check.ts';
import type { Fleet } from './fleet.ts';
import { machineOf, type Instance } from './session.ts';

/** Every acknowledged instance is there exactly once, or has failed and left nothing. */
export async function everythingIsThereOnce({ nodes, customer }: Pick<Fleet, 'nodes' | 'customer'>, instances: readonly Instance[], checks: Checks): Promise<void> {
  checks.stage('Is everything there, once?');
  for (const { id, name } of instances) {
    const { state } = await machineOf(customer, id);
    const expected = state === 'failed' ? 0 : 1;
    await checks.see(`${name} is ${state}, and on ${expected} node${expected === 1 ? '' : 's'}`, async () => {
      const found = await Promise.all(nodes.map(async ({ vmadm }) => (await vmadm('list', '-H', '-o', 'uuid')).split('\n').filter((uuid) => uuid === id).length));
      return found.reduce((sum, count) => sum + count, 0) === expected;
    });
  }
  await checks.see('no node has an instance that nobody asked for', async () => {
    const known = new Set(instances.map(({ id }) => id));
    const lists = await Promise.all(nodes.map(async ({ vmadm }) => (await vmadm('list', '-H', '-o', 'uuid')).split('\n').filter((uuid) => uuid !== '')));
    return lists.flat().every((uuid) => known.has(uuid));
  });
}

/** Delete it all, and look for what is left over. */
export async function nothingIsLeftOver({ head, nodes, customer, zoneImage, machineImage }: Fleet, instances: readonly Instance[], checks: Checks): Promise<void> {
  checks.stage('Is nothing left over?');
  for (const { id } of instances) if ((await machineOf(customer, id)).state !== 'failed') await customer.triton('instance', 'delete', '-f', '-w', id);
  for (const node of nodes) {
    await checks.see(`${node.host.name} has no instance, no dataset, no interface and no journal of one`, async () => {
      const uuids = (await node.datasets()).filter((name) => /^[0-9a-f]{8}-/.test(name) && !name.startsWith(zoneImage) && !name.startsWith(machineImage));
      const { stdout: links } = await node.host.run(['ip', '-brief', 'link', 'show', 'master', 'zwadmin']);
      const { stdout: journal } = await node.host.run(['find', `${node.pool}/config/journal`, '-type', 'f', '-not', '-name', '.sync']);
      return uuids.length === 0 && (await node.vmadm('list', '-H')) === '' && links.trim().split('\n').length === 1 && journal === '';
    });
  }
  await checks.see('the head gave every address back', async () => (await head.api<unknown[]>('/nics?belongs_to_type=zone')).length === 0);
}
