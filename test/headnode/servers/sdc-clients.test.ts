/** CNAPI as the npm client sdc-clients 13 calls it, unmodified, against the listener for operators. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openSimulatedAgent, type SimulatedAgent } from '../../../scripts/simulate/agent.ts';
import { ask, makeToken, startTestHead, until, type TestHead } from '../support/head.ts';

const IMAGE = '5d7a8c1e-1111-4222-8333-944455556666';

type Body = Record<string, unknown>;
/** All its methods end in a callback. */
type Client = Record<string, (...args: unknown[]) => void> & { close?(): void };

const fromClients = createRequire(new URL('../clients/package.json', import.meta.url));

describe('sdc-clients CNAPI', () => {
  let head: TestHead;
  let agent: SimulatedAgent;
  let client: Client;
  const call = (method: string, ...args: unknown[]): Promise<Body> =>
    new Promise((resolve, reject) => client[method]?.(...args, (error: Error | null, result: Body) => (error ? reject(error) : resolve(result))));
  const refused = async (method: string, ...args: unknown[]): Promise<readonly [unknown, unknown]> => {
    const error = (await call(method, ...args).then(() => undefined, (reason: unknown) => reason)) as { statusCode: number; restCode: string } | undefined;
    return [error?.statusCode, error?.restCode];
  };

  before(async () => {
    head = await startTestHead();
    agent = await openSimulatedAgent({ uuid: randomUUID(), token: await makeToken(head), hostname: 'sim-1' });
    agent.node.addImage(IMAGE, { type: 'lx-dataset' });
    await until(async () => (await head.running.head.servers.get(agent.uuid))?.status === 'running');
    const { CNAPI } = fromClients('sdc-clients') as { CNAPI: new (options: object) => Client };
    client = new CNAPI({ url: head.url, agent: false, retry: { retries: 0 } });
  });
  after(async () => {
    client.close?.();
    await agent.close();
    await head.close();
  });

  it('pings', async () => {
    assert.equal((await call('ping'))['ready'], true);
  });

  it('lists and gets servers, and changes what an operator may', async () => {
    const servers = (await call('listServers', {})) as unknown as Body[];
    assert.deepEqual(servers.map(({ uuid, hostname, status, sysinfo }) => ({ uuid, hostname, status, sysinfo })), [{ uuid: agent.uuid, hostname: 'sim-1', status: 'running', sysinfo: undefined }]);
    assert.equal(((await call('listServers', { extras: 'sysinfo,memory', hostname: 'sim-1' })) as unknown as Body[])[0]?.['memory_total_bytes'], 65_536 * 1024 ** 2);
    assert.deepEqual(await call('listServers', { hostname: 'nobody' }), []);
    await call('updateServer', agent.uuid, { reserved: 'true', comments: 'a spare', traits: { ssd: true } });
    const { reserved, comments, traits, agents } = await call('getServer', agent.uuid);
    assert.deepEqual({ reserved, comments, traits }, { reserved: true, comments: 'a spare', traits: { ssd: true } });
    assert.equal((agents as Body[]).length, 1);
    await call('setupServer', agent.uuid, {});
  });

  it('reads and merges boot parameters', async () => {
    await call('setBootParams', 'default', { platform: '20261101T000000Z', kernel_args: { a: '1' } });
    await call('setBootParams', agent.uuid, { kernel_args: { b: '2', c: '3' }, kernel_flags: { '-k': true } });
    await call('setBootParams', agent.uuid, { kernel_args: { c: null } });
    const { platform, kernel_args, kernel_flags } = await call('getBootParams', agent.uuid);
    assert.deepEqual({ platform, kernel_args, kernel_flags }, { platform: '20261101T000000Z', kernel_args: { b: '2', hostname: 'sim-1' }, kernel_flags: { '-k': true } });
    assert.equal((await ask(`${head.url}/boot/${agent.uuid}`, 'PUT', { body: { platform: '20261102T000000Z' } })).status, 204);
    assert.deepEqual((await call('getBootParams', agent.uuid))['kernel_args'], { hostname: 'sim-1' });
  });

  it('lists platforms', async () => {
    await mkdir(join(head.directory, 'platforms', '20261101T000000Z'), { recursive: true });
    await mkdir(join(head.directory, 'platforms', '20261201T000000Z', 'platform/x86_64/vmlinuz'), { recursive: true });
    assert.deepEqual(await call('listPlatforms', { os: true }), { '20261101T000000Z': { os: 'smartos' }, '20261201T000000Z': { os: 'linux', latest: true } });
    await call('updateServer', agent.uuid, { boot_platform: '20261201T000000Z' });
    assert.equal((await call('getBootParams', agent.uuid))['platform'], '20261201T000000Z');
  });

  it('executes a script', async () => {
    assert.equal((await call('commandExecute', agent.uuid, '#!/bin/sh\nexit 0\n', {}))['exitCode'], 0);
  });

  it('creates a VM, stops, starts, reboots and deletes it, and follows each task', async () => {
    const uuid = randomUUID();
    const followed = async (answer: Promise<Body>): Promise<Body> => await call('waitTask', (await answer)['id'], { timeout: 60 });
    const created = await followed(call('createVm', agent.uuid, { uuid, brand: 'lx', kernel_version: '6.1.0', image_uuid: IMAGE, image: { uuid: IMAGE, files: [] }, max_physical_memory: 64, owner_uuid: randomUUID() }));
    assert.deepEqual([created['status'], (created['history'] as Body[])[0]?.['name']], ['complete', 'finish'], JSON.stringify(created));
    assert.equal((await call('getVm', agent.uuid, uuid))['state'], 'running');
    for (const [method, state] of [['stopVm', 'stopped'], ['startVm', 'running'], ['rebootVm', 'running']] as const) {
      assert.equal((await followed(call(method, agent.uuid, uuid)))['status'], 'complete');
      assert.equal((await call('getVm', agent.uuid, uuid))['state'], state);
    }
    const { id } = await call('deleteVm', agent.uuid, uuid);
    await call('pollTask', id, {});
    assert.deepEqual(await refused('getVm', agent.uuid, uuid), [404, 'ResourceNotFound']);
    const failed = await followed(call('startVm', agent.uuid, uuid));
    assert.deepEqual([failed['status'], (failed['history'] as Body[])[0]?.['name']], ['failure', 'error']);
    assert.equal((await call('getTask', id))['task'], 'machine_destroy');
  });

  it('makes images present', async () => {
    const { id } = await call('ensureImage', agent.uuid, { image_uuid: IMAGE });
    assert.equal((await call('waitTask', id, {}))['status'], 'complete');
  });

  it('queues by tickets', async () => {
    const ticket = { scope: 'vm', id: randomUUID(), action: 'start', expires_at: new Date(Date.now() + 600_000).toISOString() };
    const { uuid: first } = await call('waitlistTicketCreate', agent.uuid, ticket);
    const { uuid: second, queue } = await call('waitlistTicketCreate', agent.uuid, ticket);
    assert.deepEqual((queue as Body[]).map(({ uuid, status }) => [uuid, status]), [[first, 'active'], [second, 'queued']]);
    await call('waitlistTicketWait', first);
    let isActive = false;
    const waiting = call('waitlistTicketWait', second).then(() => (isActive = true));
    assert.equal((await call('waitlistTicketGet', second))['status'], 'queued');
    assert.equal(isActive, false);
    await call('waitlistTicketRelease', first);
    await waiting;
    assert.deepEqual([(await call('waitlistTicketGet', first))['status'], (await call('waitlistTicketGet', second))['status']], ['finished', 'active']);
    await call('waitlistTicketWait', first);
    const short = { ...ticket, scope: 'other', expires_at: new Date(Date.now() + 500).toISOString() };
    const { uuid: brief } = await call('waitlistTicketCreate', 'default', short);
    const { uuid: next } = await call('waitlistTicketCreate', 'default', { ...short, expires_at: ticket.expires_at });
    await call('waitlistTicketWait', next);
    assert.equal((await call('waitlistTicketGet', brief))['status'], 'expired');
  });

  it('is told what is wrong', async () => {
    const nobody = randomUUID();
    const cases: ReadonlyArray<readonly [expected: readonly [number, string], method: string, ...args: unknown[]]> = [
      [[404, 'ServerNotFound'], 'getServer', nobody],
      [[404, 'ServerNotFound'], 'updateServer', nobody, { comments: '' }],
      [[404, 'ServerNotFound'], 'commandExecute', nobody, '#!/bin/sh\n', {}],
      [[404, 'ServerNotFound'], 'startVm', nobody, randomUUID()],
      [[404, 'ServerNotFound'], 'getBootParams', nobody],
      [[404, 'ServerNotFound'], 'waitlistTicketCreate', nobody, { scope: 'vm', id: 'x' }],
      [[404, 'ResourceNotFound'], 'getTask', nobody],
      [[404, 'ResourceNotFound'], 'waitTask', nobody, {}],
      [[404, 'ResourceNotFound'], 'waitlistTicketWait', nobody],
      [[409, 'MissingParameter'], 'createVm', agent.uuid, { uuid: nobody }],
      [[409, 'ValidationFailed'], 'updateServer', agent.uuid, { colour: 'red' }],
      [[409, 'InvalidArgument'], 'updateServer', agent.uuid, { boot_platform: '20200101T000000Z' }],
      [[409, 'ValidationFailed'], 'updateServer', agent.uuid, { reservation_ratio: 2 }],
      [[409, 'ValidationFailed'], 'setBootParams', 'default', { platform: '../../etc' }],
      [[409, 'ValidationFailed'], 'setBootParams', 'default', { boot_modules: [{ path: '../x', type: 'base64', content: 'AAAA' }] }],
      [[409, 'ValidationFailed'], 'commandExecute', agent.uuid, 'no interpreter', {}],
      [[409, 'ValidationFailed'], 'waitlistTicketCreate', agent.uuid, { id: 'x' }],
    ];
    for (const [expected, method, ...args] of cases) assert.deepEqual(await refused(method, ...args), expected, `${method} ${JSON.stringify(args)}`);
    for (const query of ['limit=0', 'limit=1001', 'offset=-1', 'extras=everything', 'colour=red', 'setup=perhaps']) {
      assert.equal((await ask(`${head.url}/servers?${query}`, 'GET')).status, 409, query);
    }
    assert.deepEqual((await ask(`${head.url}/servers?offset=100000`, 'GET')).body, []);
    assert.equal((await ask(`${head.url}/servers/not-a-uuid`, 'GET')).status, 409);
  });

  it('pauses an agent’s tasks and lets them go on, and sees what it did', async () => {
    const post = async (path: string) => (await ask(`${head.url}/servers/${agent.uuid}/${path}`, 'POST', { body: {} })).status;
    const history = (await ask(`${head.url}/servers/${agent.uuid}/task-history`, 'GET')).body as Body[];
    assert.ok(history.some(({ task }) => task === 'machine_create'));
    assert.equal(await post('cn-agent/pause'), 204);
    const { id } = await call('ensureImage', agent.uuid, { image_uuid: IMAGE });
    assert.equal((await call('waitTask', id, { timeout: 1 }))['status'], 'active');
    assert.equal(await post('cn-agent/resume'), 204);
    assert.equal((await call('waitTask', id, { timeout: 60 }))['status'], 'complete');
  });
});
