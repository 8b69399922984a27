/** A head process and a node with its agent, both as they run in production: what VMAPI is asked for happens on the node. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, WireObject } from '../../../headnode/services.ts';
import { startAgent, type RunningAgent } from '../../support/agent.ts';
import { cli } from '../../support/cli.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';
import { seedOf } from '../../support/seed-images.ts';
import { ask } from '../support/head.ts';

const OWNER = '930896af-bf8c-48d4-885c-6573a94b1853';
const DEADLINE_MILLISECONDS = 240_000;
/** The address of the bridge that a sandbox's nodes share. */
const ADMIN_ADDRESS = '10.77.0.1';

let node: ScratchNode;
let agent: RunningAgent;
let head: ChildProcess | undefined;
let directory: string;
let url: string;
let ports: { readonly internal: number; readonly admin: number; readonly cloudapi: number };
let image: string;
let network: string;

before(async () => {
  node = await scratchNode();
  directory = await mkdtemp(join(process.env['ZONEWRIGHT_SANDBOX'] ?? '', 'head-'));
  ports = { internal: await freePort('127.0.0.1'), admin: await freePort(ADMIN_ADDRESS), cloudapi: await freePort('127.0.0.1') };
  url = `http://127.0.0.1:${ports.internal}`;
  await startHead();
  agent = await startAgent(node, { ZONEWRIGHT_AGENT_PORT: '0' });
  const { body } = await ask(`${url}/tokens`, 'POST', { body: {} });
  const joined = await cli(node, 'zonewright', ['join', '-'], { input: `${(body as { token: string }).token}\n` });
  assert.equal(joined.status, 0, joined.stderr);
  const seed = await seedOf('minimal');
  const types = await Promise.all(seed.manifests.map(async ({ path }) => (JSON.parse(await readFile(path, 'utf8')) as WireObject)['type']));
  const manifest = seed.manifests[types.indexOf('lx-dataset')];
  assert.ok(manifest, 'the seed has an image for brand lx');
  image = manifest.uuid;
  const published = await cli(node, 'imgadm', ['publish', '-m', manifest.path, '-f', seed.archive, url]);
  assert.equal(published.status, 0, published.stderr);
  await until('the server runs', async () => ((await get<WireObject>(`/servers/${node.serverUuid}`))?.['status'] === 'running' ? true : undefined));
  const made = await ask(`${url}/networks`, 'POST', { body: { name: 'zones', subnet: '10.77.0.0/24', nic_tag: 'admin', vlan_id: 0, provision_start_ip: '10.77.0.100', provision_end_ip: '10.77.0.199', gateway: ADMIN_ADDRESS } });
  network = (made.body as { uuid: string }).uuid;
});

after(async () => {
  await agent?.stop();
  await killHead('SIGTERM');
  await node?.remove();
  if (directory) await rm(directory, { recursive: true, force: true });
});

async function freePort(address: string): Promise<number> {
  const server = createServer().listen(0, address);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function startHead(): Promise<void> {
  const log = await open(join(directory, 'head.log'), 'a');
  const listeners = ['--internal', `127.0.0.1:${ports.internal}`, '--admin', `${ADMIN_ADDRESS}:${ports.admin}`, '--cloudapi', `127.0.0.1:${ports.cloudapi}`];
  head = spawn(process.execPath, [join(import.meta.dirname, '../../../bin/zonewright.ts'), 'head', 'run', '--data', join(directory, 'data'), ...listeners], {
    env: { PATH: process.env['PATH'] ?? '', ZONEWRIGHT_NODE: node.configPath },
    stdio: ['ignore', log.fd, log.fd],
  });
  await log.close();
  await until(`the head answers (see ${directory}/head.log)`, async () => {
    assert.equal(head?.exitCode, null, `the head ended: ${await readFile(join(directory, 'head.log'), 'utf8')}`);
    return (await get('/ping')) === undefined ? undefined : true;
  });
}

async function killHead(signal: NodeJS.Signals): Promise<void> {
  if (!head || head.exitCode !== null || head.signalCode !== null) return;
  const exited = once(head, 'exit');
  head.kill(signal);
  await exited;
}

/** A body that the head answers with 200; undefined when it does not answer, or not so. */
async function get<Body = WireObject>(path: string): Promise<Body | undefined> {
  try {
    const { status, body } = await ask(`${url}${path}`, 'GET');
    return status === 200 ? (body as Body) : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}

async function until<Result>(what: string, look: () => Promise<Result | undefined>): Promise<Result> {
  const deadline = Date.now() + DEADLINE_MILLISECONDS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`not within ${DEADLINE_MILLISECONDS} ms: ${what}`);
    await sleep(100);
  }
}

interface Started {
  readonly vm_uuid: string;
  readonly job_uuid: string;
}

async function create(more: WireObject = {}): Promise<Started> {
  const { status, body } = await ask(`${url}/vms`, 'POST', { body: { owner_uuid: OWNER, brand: 'lx', ram: 64, quota: 1, image_uuid: image, networks: [{ uuid: network }], ...more } });
  assert.equal(status, 202, JSON.stringify(body));
  return body as Started;
}

async function ended(job: string): Promise<Job> {
  return await until(`job ${job} ends`, async () => {
    const found = await get<Job>(`/jobs/${job}`);
    return found && found.execution !== 'queued' && found.execution !== 'running' ? found : undefined;
  });
}

async function act(uuid: string, query: string, body: unknown = {}): Promise<Job> {
  const answer = await ask(`${url}/vms/${uuid}?${query}`, 'POST', { body });
  assert.equal(answer.status, 202, JSON.stringify(answer.body));
  return await ended((answer.body as Started).job_uuid);
}

/** What `vmadm` on the node says. */
async function onNode(): Promise<readonly WireObject[]> {
  const { stdout, status, stderr } = await cli(node, 'vmadm', ['lookup', '-j']);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as WireObject[];
}

const explain = (job: Job): string => JSON.stringify({ chain: job.chain_results, undone: job['onerror_results'] });

test('a create through VMAPI becomes a running zone on the node, with the address that the head node gave', { timeout: DEADLINE_MILLISECONDS * 2 }, async () => {
  const { vm_uuid: uuid, job_uuid: job } = await create({ alias: 'web0', customer_metadata: { colour: 'blue' }, tags: { tier: 'web' } });
  const outcome = await ended(job);
  assert.equal(outcome.execution, 'succeeded', explain(outcome));
  const [zone, ...others] = await onNode();
  assert.deepEqual(others, []);
  assert.deepEqual([zone?.['uuid'], zone?.['state'], zone?.['alias'], zone?.['owner_uuid']], [uuid, 'running', 'web0', OWNER]);
  assert.deepEqual(zone?.['customer_metadata'], { colour: 'blue' });
  const vm = await get<WireObject>(`/vms/${uuid}`);
  assert.deepEqual([vm?.['state'], vm?.['server_uuid']], ['running', node.serverUuid]);
  const [nic] = vm?.['nics'] as Array<{ ip: string; mac: string }>;
  assert.match(String(nic?.ip), /^10\.77\.0\.1\d\d$/);
  const nics = await get<Array<{ ip: string; mac: string; belongs_to_uuid: string }>>(`/nics?belongs_to_uuid=${uuid}`);
  assert.deepEqual(nics?.map(({ ip, mac }) => ({ ip, mac })), [{ ip: nic?.ip, mac: nic?.mac }]);
});

test('stop, start, reboot, update and metadata reach the zone', { timeout: DEADLINE_MILLISECONDS * 2 }, async () => {
  const [zone] = await onNode();
  const uuid = String(zone?.['uuid']);
  for (const [query, state] of [['action=stop', 'stopped'], ['action=start', 'running'], ['action=reboot', 'running']] as const) {
    const job = await act(uuid, query);
    assert.equal(job.execution, 'succeeded', explain(job));
    assert.deepEqual([(await onNode())[0]?.['state'], (await get<WireObject>(`/vms/${uuid}`))?.['state']], [state, state], query);
  }
  assert.equal((await act(uuid, 'action=update', { alias: 'web1', tags: { tier: 'db' } })).execution, 'succeeded');
  const { body } = await ask(`${url}/vms/${uuid}/customer_metadata`, 'PUT', { body: { size: 'large' } });
  assert.equal((await ended((body as Started).job_uuid)).execution, 'succeeded');
  const [changed] = await onNode();
  assert.deepEqual([changed?.['alias'], changed?.['tags'], changed?.['customer_metadata']], ['web1', { tier: 'db' }, { size: 'large' }]);
});

test('what happens on the node itself is seen at the head node', { timeout: DEADLINE_MILLISECONDS * 2 }, async () => {
  const [zone] = await onNode();
  const uuid = String(zone?.['uuid']);
  assert.equal((await cli(node, 'vmadm', ['stop', '-F', uuid])).status, 0);
  await until('the head node knows that it is stopped', async () => ((await get<WireObject>(`/vms/${uuid}`))?.['state'] === 'stopped' ? true : undefined));
  assert.equal((await cli(node, 'vmadm', ['start', uuid])).status, 0);
  await until('the head node knows that it runs', async () => ((await get<WireObject>(`/vms/${uuid}`))?.['state'] === 'running' ? true : undefined));
});

test('a create whose head process is killed is finished by the next one: the zone is there exactly once', { timeout: DEADLINE_MILLISECONDS * 3 }, async () => {
  const { vm_uuid: uuid, job_uuid: job } = await create({ alias: 'survivor' });
  await until('the node has been asked', async () => ((await get<Job>(`/jobs/${job}`))?.chain_results.some(({ name }) => name === 'ensure_image' || name === 'machine_create') ? true : undefined));
  await killHead('SIGKILL');
  await startHead();
  const outcome = await ended(job);
  assert.equal(outcome.execution, 'succeeded', explain(outcome));
  const zones = (await onNode()).filter((zone) => zone['alias'] === 'survivor');
  assert.deepEqual(zones.map((zone) => [zone['uuid'], zone['state']]), [[uuid, 'running']]);
  assert.equal((await get<unknown[]>(`/nics?belongs_to_uuid=${uuid}`))?.length, 1);
});

test('an agent killed while it creates finishes or begins again when it is back: the zone is there exactly once', { timeout: DEADLINE_MILLISECONDS * 3 }, async () => {
  const { vm_uuid: uuid, job_uuid: job } = await create({ alias: 'stubborn' });
  await until('the node has been asked', async () => ((await get<Job>(`/jobs/${job}`))?.chain_results.some(({ name }) => name === 'machine_create') ? true : undefined));
  await agent.kill();
  agent = await startAgent(node, { ZONEWRIGHT_AGENT_PORT: '0' });
  const outcome = await ended(job);
  assert.equal(outcome.execution, 'succeeded', explain(outcome));
  assert.deepEqual((await onNode()).filter((zone) => zone['alias'] === 'stubborn').map((zone) => [zone['uuid'], zone['state']]), [[uuid, 'running']]);
});

test('VMs of a node whose agent is gone are unknown, and right again when it is back', { timeout: DEADLINE_MILLISECONDS * 3 }, async () => {
  const [zone] = await onNode();
  const uuid = String(zone?.['uuid']);
  await agent.kill();
  await until('it is unknown', async () => ((await get<WireObject>(`/vms/${uuid}`))?.['state'] === 'unknown' ? true : undefined));
  agent = await startAgent(node, { ZONEWRIGHT_AGENT_PORT: '0' });
  await until('it is known to run', async () => ((await get<WireObject>(`/vms/${uuid}`))?.['state'] === 'running' ? true : undefined));
});

test('a create that the node refuses leaves nothing on it, and nothing taken', { timeout: DEADLINE_MILLISECONDS * 2 }, async () => {
  const before = await onNode();
  // Who names a server has no choice made by placement, which would know that this one is not on the network.
  await ask(`${url}/nic_tags`, 'POST', { body: { name: 'elsewhere' } });
  const { body } = await ask(`${url}/networks`, 'POST', { body: { name: 'far', subnet: '10.78.0.0/24', nic_tag: 'elsewhere', vlan_id: 0, provision_start_ip: '10.78.0.10', provision_end_ip: '10.78.0.20' } });
  const { vm_uuid: uuid, job_uuid: job } = await create({ alias: 'refused', server_uuid: node.serverUuid, networks: [{ uuid: (body as { uuid: string }).uuid }] });
  const outcome = await ended(job);
  assert.equal(outcome.execution, 'failed', explain(outcome));
  await until('it is settled', async () => ((await get<Job>(`/jobs/${job}`))?.['settled'] === true ? true : undefined));
  const vm = await get<WireObject>(`/vms/${uuid}`);
  assert.equal(vm?.['state'], 'failed');
  assert.match(String(vm?.['failure']), /^machine_create: /);
  assert.deepEqual((await onNode()).map((zone) => zone['uuid']), before.map((zone) => zone['uuid']));
  assert.deepEqual(await get<unknown[]>(`/nics?belongs_to_uuid=${uuid}`), []);
});

test('deleted VMs are gone from the node, and their addresses free', { timeout: DEADLINE_MILLISECONDS * 2 }, async () => {
  for (const zone of await onNode()) {
    const uuid = String(zone['uuid']);
    const { body } = await ask(`${url}/vms/${uuid}`, 'DELETE');
    const outcome = await ended((body as Started).job_uuid);
    assert.equal(outcome.execution, 'succeeded', explain(outcome));
    assert.equal((await get<WireObject>(`/vms/${uuid}`))?.['state'], 'destroyed');
    assert.deepEqual(await get<unknown[]>(`/nics?belongs_to_uuid=${uuid}`), []);
  }
  assert.deepEqual(await onNode(), []);
});
