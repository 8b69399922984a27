import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Server, ServerReport } from '../../../headnode/services.ts';
import { ask, joinTestHead, startTestHead, sysinfoOf, until, type JoinedNode, type TestHead } from '../support/head.ts';

const VM = { uuid: '9f2c5a51-3a25-4d0e-9a53-0c2c0d1f6a01', owner_uuid: '930896af-bf8c-48d4-885c-6573a94b1853', brand: 'lx', state: 'running', zone_state: 'running', cpu_cap: 100, max_physical_memory: 512, quota: 10, last_modified: '2026-11-01T00:00:00.000Z' };

describe('what an agent tells its head node', () => {
  let head: TestHead;
  let node: JoinedNode;
  const reports: ServerReport[] = [];

  before(async () => {
    head = await startTestHead();
    head.running.head.servers.onReport(async (report) => void reports.push(report));
    node = await joinTestHead(head);
  });
  after(async () => {
    await node.close();
    await head.close();
  });
  const server = async (): Promise<Server> => (await ask(`${head.url}/servers/${node.uuid}`, 'GET')).body as Server;

  it('is asked for a registration before anything else', async () => {
    const answer = await node.say('POST', `/servers/${node.uuid}/events/heartbeat`, {});
    assert.deepEqual([answer.status, (answer.body as { code: string }).code], [404, 'ServerNotFound']);
  });

  it('makes a server of its sysinfo, with the boot parameters that are the default at that moment', async () => {
    assert.equal((await ask(`${head.url}/boot/default`, 'POST', { body: { platform: '20261101T000000Z', kernel_args: { rack: 'a1' } } })).status, 204);
    const answer = await node.say('POST', `/servers/${node.uuid}/sysinfo`, { sysinfo: sysinfoOf(node.uuid), boot_id: randomUUID(), sequence: 0 });
    assert.equal(answer.status, 200);
    assert.deepEqual((answer.body as { wants: string[] }).wants, ['status', 'vms']);
    const { hostname, setup, status, ram, current_platform, memory_total_bytes, unreserved_cpu, last_boot } = await server();
    assert.deepEqual(
      { hostname, setup, status, ram, current_platform, memory_total_bytes, unreserved_cpu, last_boot },
      { hostname: `node-${node.uuid.slice(0, 4)}`, setup: true, status: 'running', ram: 16384, current_platform: '20261101T000000Z', memory_total_bytes: 16384 * 1024 ** 2, unreserved_cpu: 800, last_boot: new Date(1795000000 * 1000).toISOString() },
    );
    assert.equal((await ask(`${head.url}/boot/default`, 'POST', { body: { platform: '20270101T000000Z' } })).status, 204);
    const boot = (await ask(`${head.url}/boot/${node.uuid}`, 'GET')).body as { platform: string; kernel_args: object };
    assert.equal(boot.platform, '20261101T000000Z');
    assert.deepEqual(boot.kernel_args, { rack: 'a1', hostname });
  });

  it('is taken in order of its life and number: what comes late is dropped, another life is asked to register', async () => {
    const boot_id = randomUUID();
    await node.say('POST', `/servers/${node.uuid}/sysinfo`, { sysinfo: sysinfoOf(node.uuid), boot_id, sequence: 1 });
    const status = async (sequence: number, vms: object, life = boot_id) => await node.say('POST', `/servers/${node.uuid}/events/status`, { vms, boot_id: life, sequence });
    assert.equal((await status(5, { [VM.uuid]: VM })).status, 204);
    assert.equal((await status(4, {})).status, 204);
    assert.deepEqual(Object.keys((await server()).vms), [VM.uuid]);
    const other = await status(9, {}, randomUUID());
    assert.deepEqual([other.status, other.body], [200, { wants: ['register'] }]);
    assert.deepEqual(Object.keys((await server()).vms), [VM.uuid]);
    const { memory_provisionable_bytes, unreserved_cpu, unreserved_disk } = await server();
    assert.deepEqual(
      { memory_provisionable_bytes, unreserved_cpu, unreserved_disk },
      { memory_provisionable_bytes: Math.floor(16384 * 1024 ** 2 * 0.85 - 512 * 1024 ** 2), unreserved_cpu: 775, unreserved_disk: Math.floor(100 * 0.94 * 1024 - 10 * 1024) },
    );
  });

  it('hands its instances over, saying which ones changed', async () => {
    const changed = { ...VM, uuid: '9f2c5a51-3a25-4d0e-9a53-0c2c0d1f6a02', state: 'stopped', alias: 'db', server_uuid: node.uuid };
    assert.equal((await node.say('PUT', `/vms?server_uuid=${node.uuid}`, { vms: { [VM.uuid]: VM } })).status, 204);
    assert.equal((await node.say('PUT', `/vms/${changed.uuid}`, changed)).status, 204);
    // A report that still waits is merged with the next one.
    await until(() => reports.some(({ vms }) => vms?.[changed.uuid]));
    assert.equal((await node.say('PUT', `/vms/${changed.uuid}`, { ...changed, state: 'destroyed' })).status, 204);
    await until(() => reports.at(-1)?.vms !== undefined && !(changed.uuid in (reports.at(-1)?.vms ?? {})) && reports.at(-1)?.changed?.includes(changed.uuid) === true);
    const told = reports.find(({ vms }) => vms?.[changed.uuid]);
    assert.equal(told?.vms?.[changed.uuid]?.['alias'], 'db');
    assert.deepEqual(Object.keys(told?.vms ?? {}).toSorted(), [VM.uuid, changed.uuid]);
  });

  it('may be of a genuine cn-agent, which counts nothing and sends the field’s own bodies', async () => {
    const genuine = await joinTestHead(head);
    const sysinfo = { ...sysinfoOf(genuine.uuid), 'System Type': 'SunOS', 'MiB of Memory': '65388', 'Boot Time': '1794990000', 'Zpool Disks': 'c0t0d0,c0t1d0', 'CN Agent Port': 5309, 'SDC Agents': [{ name: 'cn-agent', version: '2.15.0' }], 'Network Interfaces': { e1000g0: { 'MAC Address': '00:50:56:3d:a7:95', ip4addr: '', 'Link Status': 'up', 'NIC Names': ['external'] } }, Psrinfo: {} };
    assert.equal((await genuine.say('POST', `/servers/${genuine.uuid}/sysinfo`, { sysinfo })).status, 200);
    assert.equal((await genuine.say('POST', `/servers/${genuine.uuid}`, { agents: [{ name: 'cn-agent', version: '2.15.0', image_uuid: randomUUID(), uuid: randomUUID() }] })).status, 204);
    assert.equal((await genuine.say('POST', `/servers/${genuine.uuid}/events/heartbeat`, {})).status, 204);
    const status = { vms: { [VM.uuid]: VM }, zpoolStatus: { zones: { bytes_available: 1e11, bytes_used: 5e9 } }, meminfo: { availrmem_bytes: 6e9, arcsize_bytes: 1e9, total_bytes: 68e9 }, diskinfo: { pool_size_bytes: 1.1e11, pool_alloc_bytes: 5e9, system_used_bytes: 1e9 }, boot_time: '2026-10-01T00:00:00.000Z', timestamp: new Date().toISOString() };
    for (let time = 0; time < 2; time += 1) assert.equal((await genuine.say('POST', `/servers/${genuine.uuid}/events/status`, status)).status, 204);
    const { agents, memory_total_bytes, memory_arc_bytes, disk_pool_size_bytes } = (await ask(`${head.url}/servers/${genuine.uuid}`, 'GET')).body as Server & { agents: Array<{ version: string }> };
    assert.deepEqual([agents[0]?.version, memory_total_bytes, memory_arc_bytes, disk_pool_size_bytes], ['2.15.0', 68e9, 1e9, 1.1e11]);
    await genuine.close();
  });

  it('is refused when it is about another node, malformed, or too large', async () => {
    const other = randomUUID();
    const cases: ReadonlyArray<readonly [method: 'POST' | 'PUT', path: string, body: unknown, status: number, code: string]> = [
      ['POST', `/servers/${other}/events/heartbeat`, {}, 403, 'NotAuthorized'],
      ['POST', `/servers/${other}/sysinfo`, { sysinfo: sysinfoOf(other) }, 403, 'NotAuthorized'],
      ['POST', `/servers/${node.uuid}/sysinfo`, { sysinfo: sysinfoOf(other) }, 409, 'InvalidArgument'],
      ['POST', `/servers/${node.uuid}/sysinfo`, { sysinfo: { UUID: 'x' } }, 409, 'ValidationFailed'],
      ['POST', `/servers/${node.uuid}/events/status`, { vms: { 'not-a-uuid': VM } }, 409, 'ValidationFailed'],
      ['PUT', `/vms?server_uuid=${other}`, { vms: {} }, 403, 'NotAuthorized'],
      ['PUT', '/vms', { vms: {} }, 403, 'NotAuthorized'],
      ['PUT', `/vms/${VM.uuid}?server_uuid=${other}`, VM, 403, 'NotAuthorized'],
      ['PUT', `/vms/${other}`, VM, 409, 'InvalidArgument'],
      ['POST', `/servers/${node.uuid}`, { reserved: true }, 409, 'ValidationFailed'],
      ['POST', `/servers/${node.uuid}/execute`, { script: '#!/bin/sh' }, 404, 'ResourceNotFound'],
      ['POST', '/tokens', {}, 404, 'ResourceNotFound'],
      ['POST', `/servers/${node.uuid}/events/heartbeat`, { text: 'x'.repeat(33 * 1024 * 1024) }, 413, 'RequestEntityTooLarge'],
    ];
    for (const [method, path, body, status, code] of cases) {
      const answer = await node.say(method, path, body).catch((error: unknown) => ({ status: 413, body: { code: 'RequestEntityTooLarge', error } }));
      assert.deepEqual([answer.status, (answer.body as { code: string } | undefined)?.code], [status, code], `${method} ${path}`);
    }
  });

  it('stops, and the server is unknown; it goes on, and the server runs again', async () => {
    const { liveness } = head.running.head.servers;
    const boot_id = randomUUID();
    await node.say('POST', `/servers/${node.uuid}/sysinfo`, { sysinfo: sysinfoOf(node.uuid), boot_id, sequence: 1 });
    reports.length = 0;
    const silentSince = liveness.lastHeard(node.uuid)?.getTime() ?? 0;
    await until(async () => (await server()).status === 'unknown');
    assert.ok(Date.now() - silentSince >= 11_000, 'it is not thought dead before two heartbeats are missing');
    await until(() => reports.some(({ serverUuid, status }) => serverUuid === node.uuid && status === 'unknown'));
    assert.equal((await node.say('POST', `/servers/${node.uuid}/events/heartbeat`, { boot_id, sequence: 2 })).status, 204);
    assert.equal((await server()).status, 'running');
    await until(() => reports.at(-1)?.status === 'running');
  });

  it('is forgotten with its server, which comes back as a new one', async () => {
    assert.equal((await ask(`${head.url}/servers/${node.uuid}`, 'DELETE')).status, 204);
    assert.equal((await ask(`${head.url}/servers/${node.uuid}`, 'GET')).status, 404);
    assert.equal((await node.say('POST', `/servers/${node.uuid}/events/heartbeat`, {})).status, 404);
    await node.say('POST', `/servers/${node.uuid}/sysinfo`, { sysinfo: sysinfoOf(node.uuid) });
    assert.deepEqual((await server()).vms, {});
  });
});
