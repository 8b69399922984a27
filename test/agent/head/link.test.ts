import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { openHeadClient, type HeadClient } from '../../../agent/head/client.ts';
import { openHeadLink, type HeadLink, type HeadLinkOptions } from '../../../agent/head/link.ts';
import { newSimulatedNode, type SimulatedNode } from '../../../agent/simulated/node.ts';
import { agentsSchema, heartbeatSchema, registerSchema, statusSchema, vmSchema, vmsSchema } from '../../../agent/wire/messages.ts';
import type { Engine } from '../../../vmadm/engine.ts';
import { fleetPki, type FleetPki } from '../../support/fleet-pki.ts';
import { recordingHead, type Heard, type RecordingHead } from '../../support/recording-head.ts';
import { HEAD, silentLog } from '../../support/task-contract.ts';

let pki: FleetPki;
let head: RecordingHead;
let node: SimulatedNode;
let client: HeadClient;
let link: HeadLink | undefined;
let uuid: string;
const image = randomUUID();

/** Short pauses; what is tested is the order of things and never how long they took. */
const timings = { heartbeat: 40, status: 40, forcedStatus: 200, firstPause: 20, longestPause: 100 };

before(async () => void (pki = await fleetPki()));
beforeEach(async () => {
  uuid = randomUUID();
  head = await recordingHead(pki);
  node = newSimulatedNode({ uuid, hostname: 'one', adminIp: '10.0.0.1' });
  node.addImage(image, { type: 'lx-dataset' });
  client = openHeadClient({ identity: await pki.identity(uuid, [head.url]) });
});
afterEach(async () => {
  await link?.close();
  await client.close();
  await head.close();
  link = undefined;
});
after(() => undefined);

function open(more: Partial<HeadLinkOptions> = {}): void {
  link = openHeadLink({ facts: node.facts, client, log: silentLog(), listensAt: { address: '10.0.0.1', port: 5309 }, timings, ...more });
}

async function engine(): Promise<Engine> {
  return node.host.engine({ ...HEAD, signal: new AbortController().signal, onEvent: () => undefined });
}

async function createVm(alias = 'one'): Promise<string> {
  return (await engine()).create({ uuid: randomUUID(), brand: 'lx', kernel_version: '6.1.0', image_uuid: image, max_physical_memory: 64, alias });
}

const isRegister = ({ path }: Heard): boolean => path === `/servers/${uuid}/sysinfo`;
const isAgents = ({ path }: Heard): boolean => path === `/servers/${uuid}`;
const isHeartbeat = ({ path }: Heard): boolean => path === `/servers/${uuid}/events/heartbeat`;
const isStatus = ({ path }: Heard): boolean => path === `/servers/${uuid}/events/status`;
const vmsIn = ({ body }: Heard): string[] => Object.keys(body['vms'] as object);

test('it registers with sysinfo, tells its agents, then sends heartbeats and its status, in this order and in the forms of the field', async () => {
  open();
  await head.until(isStatus);
  const [register, agents, heartbeat] = head.heard;
  assert.ok(register && agents && heartbeat && isRegister(register) && isAgents(agents) && isHeartbeat(heartbeat));
  const { sysinfo } = registerSchema.parse(register.body);
  assert.deepEqual([sysinfo.UUID, sysinfo['CN Agent Port'], sysinfo['CN Agent IP'], sysinfo.Setup], [uuid, 5309, '10.0.0.1', 'true']);
  assert.equal(agentsSchema.parse(agents.body).agents[0]?.name, 'zonewright-agent');
  heartbeatSchema.parse(heartbeat.body);
  statusSchema.parse((await head.until(isStatus)).body);
  assert.ok(head.heard.every(({ method }) => method === 'POST'));
  assert.deepEqual(register.from, { role: 'node', uuid });
  assert.match(String(register.headers['user-agent']), new RegExp(`^zonewright-agent/.* server/${uuid}$`));
  await head.until((one) => isHeartbeat(one) && one !== heartbeat);
});

test('messages count up under one boot id, and another life of the agent has another', async () => {
  const counted = (): Heard[] => head.heard.filter((one) => isRegister(one) || isHeartbeat(one) || isStatus(one));
  open();
  await head.until(isStatus);
  await link?.close();
  const first = counted();
  assert.equal(new Set(first.map(({ body }) => body['boot_id'])).size, 1);
  assert.deepEqual(first.map(({ body }) => body['sequence']), first.map((_, index) => index));
  const since = head.heard.length;
  open();
  const again = await head.until(isRegister, since);
  assert.notEqual(again.body['boot_id'], first[0]?.body['boot_id']);
});

test('an instance that comes, changes or goes is in the next status', async () => {
  open();
  await head.until(isStatus);
  const vm = await createVm();
  const { body } = await head.until((one) => isStatus(one) && vmsIn(one).includes(vm));
  const shown = (body['vms'] as Record<string, Record<string, unknown>>)[vm];
  assert.deepEqual(Object.keys(shown ?? {}).sort(), ['brand', 'last_modified', 'max_physical_memory', 'owner_uuid', 'quota', 'state', 'uuid', 'zone_state'].filter((name) => name in (shown ?? {})));
  assert.equal(shown?.['state'], 'running');
  const since = head.heard.length;
  await (await engine()).delete(vm);
  await head.until((one) => isStatus(one) && !vmsIn(one).includes(vm), since);
});

test('an instance that is kept out of inventories is in no status', async () => {
  open();
  const vm = await createVm();
  await (await engine()).update(vm, { do_not_inventory: true });
  const since = head.heard.length;
  const other = await createVm('two');
  const { body } = await head.until((one) => isStatus(one) && vmsIn(one).includes(other), since);
  assert.ok(!Object.keys(body['vms'] as object).includes(vm));
});

test('a status is repeated from time to time though nothing changed', async () => {
  open();
  await head.until(isStatus);
  const since = head.heard.length;
  await head.until(isStatus, since);
});

test('a status that the head node does not take is sent again with what is true then; heartbeats go on and nothing registers anew', async () => {
  let refuse = true;
  head.answer((one) => (isStatus(one) && refuse ? { status: 500, body: { code: 'InternalError', message: 'x' } } : { status: 204 }));
  open();
  await head.until(isStatus);
  const vm = await createVm();
  await head.until(isHeartbeat, head.heard.length);
  refuse = false;
  await head.until((one) => isStatus(one) && vmsIn(one).includes(vm), head.heard.length);
  assert.equal(head.heard.filter(isRegister).length, 1);
  assert.ok(link?.isConnected());
});

test('after an outage it registers again and tells all that happened meanwhile', async () => {
  open();
  await head.until(isStatus);
  await head.leave();
  const vm = await createVm();
  while (link?.isConnected()) await new Promise((resolve) => setTimeout(resolve, 5));
  const since = head.heard.length;
  await head.comeBack();
  await head.until((one) => isStatus(one) && vmsIn(one).includes(vm), since);
  const [first] = head.heard.slice(since);
  assert.ok(first && isRegister(first), 'nothing is said before the registration');
});

test('a head node that does not know the server (any more) gets a registration', async () => {
  open();
  await head.until(isStatus);
  let forgotten = true;
  head.answer((one) => {
    if (isRegister(one)) forgotten = false;
    return forgotten ? { status: 404, body: { code: 'ResourceNotFound', message: 'no such server' } } : { status: 204 };
  });
  await head.until(isStatus, (await head.until(isRegister, head.heard.length), head.heard.length));
});

test('a registration that is refused is tried again', async () => {
  let refusals = 3;
  head.answer((one) => (isRegister(one) && refusals-- > 0 ? { status: 503, body: { code: 'ServiceUnavailableError', message: 'later' } } : { status: 204 }));
  open();
  await head.until(isStatus);
  assert.equal(head.heard.filter(isRegister).length, 4);
  assert.ok(!head.heard.slice(0, 4).some(isHeartbeat));
});

test('sysinfo that changed is registered, and the head node may ask for the registration', async () => {
  open();
  await head.until(isStatus);
  const since = head.heard.length;
  link?.registerAgain();
  await head.until(isRegister, since);
  let asked = false;
  head.answer((one) => (isHeartbeat(one) && !asked ? ((asked = true), { status: 200, body: { wants: ['register'] } }) : { status: 204 }));
  await head.until(isRegister, head.heard.length);
});

test('a head node that wants instances gets all of them, then each one that changes, then word of the one that is gone', async () => {
  head.answer((one) => (isRegister(one) ? { status: 200, body: { wants: ['vms'] } } : { status: 204 }));
  const first = await createVm('first');
  open();
  const all = await head.until(({ method, path }) => method === 'PUT' && path === `/vms?server_uuid=${uuid}`);
  assert.deepEqual(Object.keys(vmsSchema.parse(all.body).vms), [first]);
  const second = await createVm('second');
  const told = await head.until(({ method, path }) => method === 'PUT' && path === `/vms/${second}`);
  assert.equal(vmSchema.parse(told.body)['alias'], 'second');
  await (await engine()).delete(second);
  const gone = await head.until(({ path, body }) => path === `/vms/${second}` && body['state'] === 'destroyed');
  assert.deepEqual([vmSchema.parse(gone.body).brand, gone.body['uuid']], ['lx', second]);
});

test('one that does not want instances gets none', async () => {
  open();
  await createVm();
  await head.until(isStatus);
  await head.until(isHeartbeat, head.heard.length);
  assert.ok(!head.heard.some(({ method }) => method === 'PUT'));
});

test('the list of revoked certificates that comes with an answer is handed on', async () => {
  const fingerprint = 'ab'.repeat(32);
  head.answer((one) => (isHeartbeat(one) ? { status: 200, body: { revoked: [fingerprint] } } : { status: 204 }));
  const { promise, resolve } = Promise.withResolvers<readonly string[]>();
  open({ onRevoked: resolve });
  assert.deepEqual(await promise, [fingerprint]);
});

test('answers that make no sense do no harm', async () => {
  head.answer((one) => (isHeartbeat(one) ? { status: 200, body: { wants: 'everything', revoked: [5] } } : { status: 200, body: 'hello' }));
  open();
  await head.until(isStatus);
  await head.until(isHeartbeat, head.heard.length);
});

test('a head node that always asks for the registration is not answered without end', async () => {
  head.answer(() => ({ status: 200, body: { wants: ['register', 'status', 'vms'] } }));
  open();
  await head.until(isStatus);
  const registrations = head.heard.filter(isRegister).length;
  assert.ok(registrations <= head.heard.filter(isHeartbeat).length + head.heard.filter(isStatus).length + 1, `${registrations} registrations`);
});
