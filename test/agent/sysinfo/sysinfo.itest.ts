import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import { hostname } from 'node:os';
import { after, before, test } from 'node:test';
import { nodeStatus } from '../../../agent/head/node-status.ts';
import { statusSchema } from '../../../agent/wire/messages.ts';
import { sysinfoSchema, type Sysinfo } from '../../../agent/wire/sysinfo.ts';
import { dataset } from '../../../host/config/units.ts';
import { run } from '../../../host/run/run.ts';
import { createDataset, setProperties } from '../../../host/zfs/zfs.ts';
import { openEngine } from '../../../vmadm/open-engine.ts';
import { cli } from '../../support/cli.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';
import { minimalImage } from '../../support/seed-images.ts';

let node: ScratchNode;

before(async () => void (node = await scratchNode()));
after(() => node.remove());

async function sysinfo(...args: string[]): Promise<Sysinfo> {
  const { stdout, stderr, status } = await cli(node, 'sysinfo', args);
  assert.equal(status, 0, stderr);
  return sysinfoSchema.parse(JSON.parse(stdout));
}

test('sysinfo tells of the node, its pool and its admin network', async () => {
  const document = await sysinfo();
  assert.deepEqual([document.UUID, document.Hostname, document.Setup, document['System Type'], document.Zpool], [node.serverUuid, hostname(), 'true', 'Linux', node.pool]);
  assert.deepEqual([document['Zpool Disks'], document['Zpool Profile'], document['Zpool Encrypted']], ['pool.img', 'striped', false]);
  assert.equal(document['Zpool Size in GiB'], 3);
  assert.ok(Math.abs(Number(document['Zpool Creation']) - Date.now() / 1000) < 3600);
  assert.deepEqual([document['Admin NIC Tag'], document['Admin IP']], ['admin', '10.77.0.1']);
  assert.deepEqual(document['Network Interfaces']?.['zwadmin']?.['NIC Names'], ['admin', 'external']);
});

test('the admin address is there also when the last instance on its bridge has gone', async () => {
  const port = `zwt${randomUUID().slice(0, 8)}`;
  await run(['ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', `${port}p`]);
  await run(['ip', 'link', 'set', port, 'master', 'zwadmin', 'up']);
  await run(['ip', 'link', 'delete', port]);
  assert.match((await run(['ip', 'link', 'show', 'zwadmin'])).stdout, /NO-CARRIER/);
  assert.equal((await sysinfo('-f'))['Admin IP'], '10.77.0.1');
});

test('it is kept until somebody refreshes it', async () => {
  const before_ = await sysinfo();
  await createDataset(dataset(node.pool, 'var'));
  const uuid = randomUUID();
  await setProperties(dataset(node.pool, 'var'), { 'org.smartos:server_uuid': uuid });
  assert.equal((await sysinfo()).UUID, before_.UUID);
  assert.equal((await sysinfo('-f')).UUID, uuid, "the pool's word counts");
  await setProperties(dataset(node.pool, 'var'), { 'org.smartos:server_uuid': '-' });
  const { stdout, status } = await cli(node, 'sysinfo', ['-u']);
  assert.deepEqual([stdout, status], ['', 0]);
  assert.equal((await sysinfo()).UUID, node.serverUuid);
  assert.match((await cli(node, 'zonewright', ['sysinfo', '-p'])).stdout, new RegExp(`^UUID='${node.serverUuid}'$`, 'm'));
});

test('a wrong option is an error of usage', async () => {
  const { status, stderr } = await cli(node, 'sysinfo', ['--everything']);
  assert.equal(status, 2);
  assert.match(stderr, /everything/);
});

test('the status tells the instances and where the bytes of the pool are', async () => {
  const image = (await minimalImage(node)).lx;
  const engine = await openEngine({ node });
  const payload = { brand: 'lx', kernel_version: '6.1.0', image_uuid: image, quota: 1, max_physical_memory: 64, cpu_cap: 100, autoboot: false };
  const [shown, hidden] = [await engine.create(payload), await engine.create({ ...payload, do_not_inventory: true })];
  const status = statusSchema.parse(await nodeStatus(node, await engine.list()));
  assert.deepEqual(Object.keys(status.vms), [shown]);
  const { state, zone_state, quota, max_physical_memory, cpu_cap, brand, owner_uuid } = status.vms[shown] ?? {};
  assert.deepEqual([state, zone_state, quota, max_physical_memory, cpu_cap, brand], ['stopped', 'installed', 1, 64, 100, 'lx']);
  assert.equal(typeof owner_uuid, 'string');
  const { diskinfo, meminfo, zpoolStatus } = status;
  const { blocks, bsize } = await statfs(node.mountpoint);
  assert.ok(Math.abs((diskinfo?.pool_size_bytes ?? 0) - blocks * bsize) < 1024 ** 3, 'the size of the pool is that of its file system, about');
  assert.equal(diskinfo?.zone_quota_bytes, 2 * 1024 ** 3, 'also what is not shown takes its part');
  assert.ok((diskinfo?.installed_images_used_bytes ?? 0) > 0 && (diskinfo?.zone_quota_used_bytes ?? 0) > 0);
  assert.equal(zpoolStatus?.[node.pool]?.bytes_used, diskinfo?.pool_alloc_bytes);
  assert.ok((meminfo?.availrmem_bytes ?? 0) > 0 && (meminfo?.total_bytes ?? 0) > (meminfo?.availrmem_bytes ?? 0));
  for (const uuid of [shown, hidden]) await engine.delete(uuid);
});
