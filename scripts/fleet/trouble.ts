import type { Checks } from './check.ts';
import type { Fleet } from './fleet.ts';
import { machineOf, type Instance } from './session.ts';

interface Vm {
  readonly uuid: string;
  readonly alias?: string;
  readonly state: string;
  readonly server_uuid?: string;
}

/** The head's process ends in the middle of a create, and another one finishes it. */
export async function headDiesInACreate(fleet: Fleet, checks: Checks): Promise<Instance> {
  checks.stage('The head is killed in the middle of a create');
  const { head, customer } = fleet;
  const instance = await acknowledged(fleet, 'survivor1');
  await checks.see('its job has begun', async () => (await jobsOf(fleet, instance.id)).some(({ execution }) => execution === 'running' || execution === 'succeeded'));
  await head.kill();
  checks.tell('the head was killed; it is started again');
  await head.start();
  await checks.see('the create is finished by the new process', async () => (await machineOf(customer, instance.id)).state === 'running');
  return instance;
}

/** A node's agent ends in the middle of a task. */
export async function agentDiesInATask(fleet: Fleet, checks: Checks): Promise<Instance> {
  checks.stage('An agent is killed in the middle of a task');
  const { nodes, customer } = fleet;
  const instance = await acknowledged(fleet, 'survivor2');
  let working: Fleet['nodes'][number] | undefined;
  await checks.see('a node has begun to make it', async () => {
    for (const node of nodes) if ((await node.datasets()).includes(instance.id)) working = node;
    return working !== undefined;
  });
  await working?.kill();
  checks.tell(`the agent of ${working?.host.name} was killed; it is started again`);
  await working?.start();
  await checks.see('the instance runs, or its create has failed and left nothing', async () => ['running', 'failed'].includes((await machineOf(customer, instance.id)).state));
  return instance;
}

/** A node cannot be reached for a while: what it runs goes on, nobody knows how it is, and afterwards everybody does. */
export async function networkIsCut(fleet: Fleet, checks: Checks): Promise<Instance> {
  checks.stage('The network of a node is cut, and healed');
  const { head, nodes, customer } = fleet;
  const node = nodes[1] ?? nodes[0];
  if (!node) throw new Error('a fleet has a node');
  const own = (await node.vmadm('list', '-H', '-o', 'uuid')).split('\n').filter((line) => line !== '');
  await node.host.cable('out');
  await checks.see(`${node.host.name} is seen as unknown`, async () => (await head.servers()).some(({ hostname, status }) => hostname === node.host.name && status === 'unknown'), 60);
  await checks.see('its instances are shown as unknown', async () => (await vmsOf(fleet)).filter(({ uuid }) => own.includes(uuid)).every(({ state }) => state === 'unknown'));
  const elsewhere = await acknowledged(fleet, 'elsewhere');
  await checks.see('an instance that is created meanwhile runs on another node', async () => {
    const { state } = await machineOf(customer, elsewhere.id);
    return state === 'running' && !own.includes(elsewhere.id);
  });
  await checks.see('what it runs has gone on', async () => (await node.vmadm('list', '-H', '-o', 'state')).split('\n').every((line) => line.trim() === 'running'));
  await node.host.cable('in');
  await checks.see(`${node.host.name} is running again, and its instances are as they are`, async () => {
    const back = (await head.servers()).some(({ hostname, status }) => hostname === node.host.name && status === 'running');
    return back && (await vmsOf(fleet)).filter(({ uuid }) => own.includes(uuid)).every(({ state }) => state === 'running');
  });
  return elsewhere;
}

/** Have CloudAPI acknowledge a create, without waiting for what comes of it. */
async function acknowledged({ customer }: Fleet, name: string): Promise<Instance> {
  await customer.triton('instance', 'create', `--name=${name}`, '--network=fleet', 'minimal', 'small');
  return { id: (await machineOf(customer, name)).id, name };
}

function jobsOf({ head }: Fleet, uuid: string): Promise<Array<{ readonly execution: string }>> {
  return head.api(`/vms/${uuid}/jobs`);
}

function vmsOf({ head }: Fleet): Promise<Vm[]> {
  return head.api('/vms');
}
