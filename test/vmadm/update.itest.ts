/** Updates of real zones, case by case of `vmadm.jsonl` where the name begins with an id. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { controlValues } from '../../host/cgroup/limits.ts';
import { dataset } from '../../host/config/units.ts';
import { listSnapshots } from '../../host/zfs/zfs.ts';
import { cli, type CliResult } from '../support/cli.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';
import { minimalImage } from '../support/seed-images.ts';
import { updatingOn } from '../support/updating.ts';

let node: ScratchNode;
let image: string;
const { update, updated, get, remove, quotaOf, limitsOf } = updatingOn(() => node);

before(async () => {
  node = await scratchNode();
  image = (await minimalImage(node)).lx;
});

after(() => node.remove());

async function create(more: Record<string, unknown> = {}): Promise<string> {
  const uuid = randomUUID();
  const payload = { uuid, brand: 'lx', kernel_version: '6.1.0', image_uuid: image, max_physical_memory: 64, max_swap: 256, quota: 1, resolvers: ['10.77.0.1'], ...more };
  const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: JSON.stringify(payload) });
  assert.equal(status, 0, stderr);
  return uuid;
}

async function inside(uuid: string, command: string): Promise<string> {
  const { stdout, stderr, status } = await cli(node, 'zlogin', [uuid, command]);
  assert.equal(status, 0, `${command}: ${stderr}`);
  return stdout.trim();
}

function expectedLimits(limits: Parameters<typeof controlValues>[0]): Record<string, string> {
  return Object.fromEntries(controlValues(limits).map(({ file, value }) => [file, value]));
}

const GIB = 1024 ** 3;

test('U17, C38–C45: quota changes the property of ZFS, there and back, and 0 takes it away', async () => {
  const uuid = await create({ autoboot: false });
  for (const [quota, bytes] of [[13, 13 * GIB], [26, 26 * GIB], [0, 0], [13, 13 * GIB]] as const) {
    assert.equal((await updated(uuid, { quota }))['quota'], quota);
    assert.equal(await quotaOf(uuid), bytes);
  }
  await remove(uuid);
});

test('a quota below what is in use is refused and nothing has changed', async () => {
  const uuid = await create({ quota: 2 });
  await inside(uuid, 'dd if=/dev/urandom of=/root/big bs=1M count=1100 2>/dev/null; sync');
  const before = await get(uuid);
  const { status, stderr } = await update(uuid, { quota: 1, alias: 'never' });
  assert.equal(status, 1);
  assert.match(stderr, /^zfs failed .*size is less than current used or reserved space/);
  assert.deepEqual(await get(uuid), before);
  assert.equal(await quotaOf(uuid), 2 * GIB);
  await remove(uuid);
});

test('U19–U26: memory of a running zone changes at once, up and down, and get agrees with the kernel', async () => {
  const uuid = await create();
  const pid = (await get(uuid))['pid'];
  for (const [payload, memory, swap] of [
    [{ ram: 512 }, 512, 512],
    [{ ram: 128 }, 128, 256],
    [{ ram: 1024 }, 1024, 1024],
    [{ max_swap: 1536 }, 1024, 1536],
    [{ max_physical_memory: 2048 }, 2048, 2560],
    [{ max_swap: 256 }, 2048, 2048],
  ] as const) {
    const vm = await updated(uuid, payload);
    assert.deepEqual([vm['max_physical_memory'], vm['max_swap']], [memory, swap]);
    assert.deepEqual(await limitsOf(uuid), { ...(await limitsOf(uuid)), ...memoryOf(memory, swap) });
  }
  assert.equal((await get(uuid))['pid'], pid);
  await remove(uuid);
});

function memoryOf(memory: number, swap: number): Record<string, string> {
  return Object.fromEntries(Object.entries(expectedLimits({ memory, swap, processes: 1, cpuShares: 1 })).filter(([file]) => file.startsWith('memory.')));
}

test('U38: cpu_cap, cpu_shares and max_lwps are set and cleared while the zone runs', async () => {
  const uuid = await create();
  const limits = { memory: 64, swap: 256 };
  const fresh = await limitsOf(uuid);
  await updated(uuid, { cpu_cap: 50, cpu_shares: 5, max_lwps: 5000 });
  const set = await limitsOf(uuid);
  assert.deepEqual(set, { ...set, ...expectedLimits({ ...limits, processes: 5000, cpuCap: 50, cpuShares: 5 }) });
  await updated(uuid, { cpu_cap: 0, cpu_shares: null, max_lwps: null });
  assert.deepEqual(await limitsOf(uuid), fresh);
  assert.equal('cpu_cap' in (await get(uuid)), false);
  await remove(uuid);
});

test('limits that were changed while it ran are those of the next boot, also when vmadm reboots it', async () => {
  const uuid = await create();
  await updated(uuid, { ram: 128, max_lwps: 300, tmpfs: 16 });
  for (const args of [['reboot', uuid], ['reboot', '-F', uuid]]) {
    assert.equal((await cli(node, 'vmadm', args)).status, 0);
    const now = await limitsOf(uuid);
    assert.deepEqual(now, { ...now, ...expectedLimits({ memory: 128, swap: 256, processes: 300, cpuShares: 100 }) });
    assert.match(await inside(uuid, 'mount | grep " /tmp "'), /size=16384k/);
  }
  await remove(uuid);
});

test('U41: tmpfs 0 takes /tmp away at the next boot and 256 brings it back', async () => {
  const uuid = await create({ max_physical_memory: 256 });
  for (const [tmpfs, mounts] of [[0, '0'], [256, '1']] as const) {
    assert.equal((await updated(uuid, { tmpfs }))['tmpfs'], tmpfs);
    assert.equal((await cli(node, 'vmadm', ['reboot', uuid])).status, 0);
    assert.equal(await inside(uuid, 'mount | grep -c " /tmp " || true'), mounts);
  }
  await remove(uuid);
});

test('U11–U15, U40: text and flags are set and taken away with words of the command line', async () => {
  const uuid = await create({ autoboot: false });
  const words = (...args: string[]): Promise<CliResult> => cli(node, 'vmadm', ['update', uuid, ...args]);
  const { stderr, status } = await words('alias=useless VM', 'billing_id=a=b', 'firewall_enabled=true', 'quota=3');
  assert.deepEqual([status, stderr], [0, `Successfully updated VM ${uuid}\n`]);
  const vm = await get(uuid);
  assert.deepEqual([vm['alias'], vm['billing_id'], vm['firewall_enabled'], vm['quota']], ['useless VM', 'a=b', true, 3]);
  await words('alias=', 'firewall_enabled=0');
  assert.equal('alias' in (await get(uuid)), false);
  assert.equal((await get(uuid))['firewall_enabled'], false);
  await remove(uuid);
});

test('U32–U37: what never changes, and what nobody knows, is left as it is without an error', async () => {
  const uuid = await create({ autoboot: false });
  const before = await get(uuid);
  assert.deepEqual(await updated(uuid, { brand: 'bogus', hvm: 'bogus', server_uuid: '0000', uuid: '0000', zonename: 'bogus', no_such_thing: 1 }), before);
  await remove(uuid);
});

test('an update bumps last_modified, says nothing of warnings to programs and all of them to people', async () => {
  const uuid = await create();
  const before = await get(uuid);
  const { stderr, status } = await update(uuid, { set_tags: { role: 'db' }, hostname: 'web', tags: {}, resolvers: ['10.77.0.9'] }, { VMADM_WARN: '1' });
  assert.equal(status, 0);
  const [first, second, ...warnings] = stderr.trimEnd().split('\n');
  assert.deepEqual([first, second], [`Successfully updated VM ${uuid}`, 'pending: reboot required for hostname']);
  assert.equal(warnings.length, 2, stderr);
  assert.match(warnings.join(), /warning: tags: .*warning: resolvers: .*maintain_resolvers/);
  const vm = await get(uuid);
  assert.deepEqual(vm['tags'], { role: 'db' });
  assert.ok(String(vm['last_modified']) > String(before['last_modified']));
  await remove(uuid);
});

test('a hostname reaches the guest at its next boot, unless the guest has named itself', async () => {
  const uuid = await create({ hostname: 'old' });
  await updated(uuid, { hostname: 'new' });
  await cli(node, 'vmadm', ['reboot', uuid]);
  assert.equal(await inside(uuid, 'hostname; cat /etc/hostname'), 'new\nnew');
  await inside(uuid, 'echo own > /etc/hostname');
  await updated(uuid, { hostname: 'newer' });
  assert.equal(await inside(uuid, 'cat /etc/hostname'), 'own');
  await remove(uuid);
});

test('resolvers are carried into a running guest when maintain_resolvers says so, whatever the guest made of the file', async () => {
  const uuid = await create({ dns_domain: 'example.com' });
  await updated(uuid, { resolvers: ['10.77.0.2'] });
  assert.equal(await inside(uuid, 'cat /etc/resolv.conf'), 'search example.com\nnameserver 10.77.0.1');
  await inside(uuid, 'ln -sf /etc/passwd /etc/resolv.conf');
  await updated(uuid, { maintain_resolvers: true });
  assert.equal(await inside(uuid, 'cat /etc/resolv.conf'), 'search example.com\nnameserver 10.77.0.2');
  await updated(uuid, { resolvers: ['10.77.0.3', '10.77.0.4'] });
  assert.equal(await inside(uuid, 'cat /etc/resolv.conf'), 'search example.com\nnameserver 10.77.0.3\nnameserver 10.77.0.4');
  assert.match(await inside(uuid, 'cat /etc/passwd'), /^root:/);
  await remove(uuid);
});

test('a name in the guest that is a pipe holds no update up', async () => {
  const uuid = await create();
  await inside(uuid, 'rm /etc/hostname; mkfifo /etc/hostname');
  assert.equal((await updated(uuid, { hostname: 'new' }))['hostname'], 'new');
  await remove(uuid);
});

test('an indestructible zone cannot be deleted, not even by ZFS, until the flag is taken away', async () => {
  const uuid = await create({ autoboot: false });
  assert.equal((await updated(uuid, { indestructible_zoneroot: true }))['indestructible_zoneroot'], true);
  assert.deepEqual(await listSnapshots(dataset(node.pool, uuid)), ['indestructible']);
  const { status, stderr } = await cli(node, 'vmadm', ['delete', uuid]);
  assert.deepEqual([status, stderr], [1, `Failed to delete VM ${uuid}: indestructible_zoneroot is set, cannot delete\n`]);
  assert.equal('indestructible_zoneroot' in (await updated(uuid, { indestructible_zoneroot: false })), false);
  assert.deepEqual(await listSnapshots(dataset(node.pool, uuid)), []);
  await remove(uuid);
});

test('an owner that changes does not change whose ids the files of a zone have', async () => {
  const [one, other] = [randomUUID(), randomUUID()];
  const uuid = await create({ owner_uuid: one });
  const root = join(node.mountpoint, uuid, 'root');
  const { uid } = await stat(root);
  await cli(node, 'vmadm', ['stop', '-F', uuid]);
  assert.equal((await updated(uuid, { owner_uuid: other }))['owner_uuid'], other);
  assert.equal((await cli(node, 'vmadm', ['start', uuid])).status, 0);
  assert.equal(await inside(uuid, 'stat -c %u / /etc/passwd'), '0\n0');
  const pid = String((await get(uuid))['pid']);
  assert.match(await readFile(`/proc/${pid}/uid_map`, 'utf8'), new RegExp(`^\\s*0\\s+${uid}\\s`));
  assert.equal('uid_range' in (await get(uuid)), false);
  const neighbour = await create({ owner_uuid: other });
  assert.notEqual((await stat(join(node.mountpoint, neighbour, 'root'))).uid, uid);
  await remove(neighbour);
  await remove(uuid);
});

test('nics that are added wait for the next boot, and one that is removed while it runs leaves nothing behind', async () => {
  const uuid = await create({ nics: [{ nic_tag: 'admin', ip: '10.77.0.31', netmask: '255.255.255.0' }] });
  const vm = await updated(uuid, { add_nics: [{ nic_tag: 'admin', ip: '10.77.0.32', netmask: '255.255.255.0' }] });
  assert.equal((vm['nics'] as unknown[]).length, 2);
  await cli(node, 'vmadm', ['reboot', uuid]);
  assert.match(await inside(uuid, 'ip -4 addr show eth1'), /10\.77\.0\.32/);
  const macs = (vm['nics'] as Array<{ mac: string }>).map(({ mac }) => mac);
  assert.deepEqual((await updated(uuid, { remove_nics: macs }))['nics'], []);
  await remove(uuid);
});

test('an address that another instance has is refused, and so is one that another update is taking', async () => {
  const nics = (address: string) => [{ nic_tag: 'admin', ip: address, netmask: '255.255.255.0' }];
  const [one, other] = [await create({ autoboot: false, nics: nics('10.77.0.41') }), await create({ autoboot: false })];
  const taken = await update(other, { add_nics: nics('10.77.0.41') });
  assert.deepEqual([taken.status, taken.stderr], [1, 'Conflict detected with another vm, please check the MAC, IP, and VRID\n']);
  const both = await Promise.all([one, other].map((uuid) => update(uuid, { add_nics: nics('10.77.0.42') })));
  assert.deepEqual(both.map(({ status }) => status).sort(), [0, 1]);
  await remove(one);
  await remove(other);
});
