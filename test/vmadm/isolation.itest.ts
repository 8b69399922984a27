import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../../host/run/run.ts';
import { cli } from '../support/cli.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';
import { minimalImage } from '../support/seed-images.ts';

let node: ScratchNode;
const alice = { zone: randomUUID(), owner: randomUUID() };
const bob = { zone: randomUUID(), owner: randomUUID() };

before(async () => {
  node = await scratchNode();
  const { lx } = await minimalImage(node);
  for (const [index, { zone, owner }] of [alice, bob].entries()) {
    const nics = [{ nic_tag: 'admin', ip: `10.77.0.${40 + index}`, netmask: '255.255.255.0', mac: `02:08:20:00:00:4${index}` }];
    const payload = { uuid: zone, owner_uuid: owner, brand: 'lx', kernel_version: '6.1.0', image_uuid: lx, quota: 1, max_physical_memory: 128, nics };
    const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: JSON.stringify(payload) });
    assert.equal(status, 0, stderr);
  }
});

after(async () => {
  for (const { zone } of [alice, bob]) await cli(node, 'vmadm', ['delete', zone]);
  await node.remove();
});

async function inside(zone: string, command: string): Promise<{ status: number | null; output: string }> {
  const { stdout, stderr, status } = await cli(node, 'zlogin', [zone, command]);
  return { status, output: `${stdout}${stderr}`.trim() };
}

async function init(zone: string): Promise<number> {
  const { stdout } = await cli(node, 'vmadm', ['get', zone]);
  return (JSON.parse(stdout) as { pid: number }).pid;
}

test('root in a zone is an unprivileged uid on the host, another one for each owner', async () => {
  const maps = await Promise.all([alice, bob].map(async ({ zone }) => (await readFile(`/proc/${await init(zone)}/uid_map`, 'utf8')).trim().split(/\s+/)));
  for (const map of maps) {
    assert.equal(map[0], '0');
    assert.ok(Number(map[1]) >= 268435456, `outside id ${map[1]}`);
    assert.equal(map[2], '65536');
  }
  assert.notEqual(maps[0]?.[1], maps[1]?.[1]);
});

test('a zone is in namespaces of its own, all of them', async () => {
  const pid = await init(alice.zone);
  for (const kind of ['user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup']) {
    const [own, host] = await Promise.all([run(['readlink', `/proc/${pid}/ns/${kind}`]), run(['readlink', `/proc/self/ns/${kind}`])]);
    assert.notEqual(own.stdout, host.stdout, kind);
  }
});

test('a zone does not see the processes of the host', async () => {
  const { output } = await inside(alice.zone, 'ps -o pid,args');
  assert.ok(!/zfs-fuse|node|unshare/.test(output.replace(/ps -o.*/g, '')), output);
  assert.ok(output.split('\n').length < 12, output);
});

/** What root in a zone tries, and must be refused. */
const REFUSED: Array<[name: string, command: string]> = [
  ['mount a block device', 'mknod /tmp/vda b 254 0 2>&1 && mount /tmp/vda /mnt'],
  ['make a device node', 'mknod /tmp/mem c 1 1'],
  ['mount a file through a loop device', 'dd if=/dev/zero of=/root/disk bs=1M count=2 2>/dev/null; mount -o loop /root/disk /mnt'],
  ['load a module', 'insmod /bin/busybox'],
  ['change a kernel setting of the host', 'echo 1 > /proc/sys/kernel/panic'],
  ['change how the host dumps core', 'echo "|/bin/sh" > /proc/sys/kernel/core_pattern'],
  ['change the memory policy of the host', 'echo 1 > /proc/sys/vm/drop_caches'],
  ['use sysrq', 'echo b > /proc/sysrq-trigger'],
  ['write to sysfs', 'echo 0 > /sys/kernel/mm/ksm/run'],
  ['set the clock', 'date -s "2001-01-01 00:00:00"; test "$(date +%Y)" = 2001'],
  ['read kernel memory', 'dd if=/proc/kcore of=/dev/null bs=1 count=1'],
  ['read the kernel log', 'dmesg | grep -q .'],
  ['trace another process by number', 'cat /proc/1/../../proc/999999/environ'],
  ['remount its root with devices', 'mount -o remount,dev / && mknod /root/null2 c 1 3'],
];

for (const [name, command] of REFUSED) {
  test(`root in a zone cannot ${name}`, async () => {
    const { status, output } = await inside(alice.zone, command);
    assert.notEqual(status, 0, output);
  });
}

for (const [controller, file, value] of [['memory', 'memory.limit_in_bytes memory.max', '9999999999'], ['pids', 'pids.max', '99999'], ['cpu', 'cpu.shares cpu.weight', '9999']] as const) {
  test(`a zone sees its ${controller} limit and cannot change it`, async () => {
    const mounted = `mkdir -p /run/cg-${controller}; mount -t cgroup -o ${controller} none /run/cg-${controller} 2>/dev/null || mount -t cgroup2 none /run/cg-${controller}; cd /run/cg-${controller} && for f in ${file}; do [ -e $f ] && break; done`;
    const before_ = await inside(alice.zone, `${mounted}; cat $f`);
    assert.equal(before_.status, 0, before_.output);
    assert.match(before_.output, /^\d+$/);
    const write = await inside(alice.zone, `cd /run/cg-${controller}; for f in ${file}; do [ -e $f ] && break; done; echo ${value} > $f`);
    assert.notEqual(write.status, 0, write.output);
    assert.equal((await inside(alice.zone, `cd /run/cg-${controller}; for f in ${file}; do [ -e $f ] && break; done; cat $f`)).output, before_.output);
  });
}

test('a zone cannot read another owner\'s files, even when handed the path', async () => {
  const secret = join(node.mountpoint, bob.zone, 'root/root/secret');
  await inside(bob.zone, 'echo of-bob > /root/secret; chmod 0644 /root/secret; chmod 0755 /root');
  assert.equal((await readFile(secret, 'utf8')).trim(), 'of-bob');
  assert.notEqual((await inside(alice.zone, `cat ${secret}`)).status, 0);
  const first = (await readFile(`/proc/${await init(alice.zone)}/uid_map`, 'utf8')).trim().split(/\s+/)[1] ?? '';
  const asAlice = await run(['setpriv', `--reuid=${first}`, `--regid=${first}`, '--clear-groups', 'cat', '--', secret], { acceptExitCodes: [0, 1] });
  assert.equal(asAlice.exitCode, 1, 'an escaped root of the other zone could read it');
  assert.match(asAlice.stderr, /Permission denied/);
});

test('a user of the host reaches neither a zone\'s files nor the node\'s configuration', async () => {
  for (const path of [join(node.mountpoint, alice.zone, 'root/bin/busybox'), join(node.paths.instances, `${alice.zone}.json`), join(node.paths.config, 'uid-ranges.json')]) {
    const { exitCode } = await run(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'cat', '--', path], { acceptExitCodes: [0, 1] });
    assert.equal(exitCode, 1, path);
  }
  assert.equal((await stat(join(node.mountpoint, alice.zone))).mode & 0o777, 0o710);
});

test('a setuid program inside a zone gives nobody anything outside', async () => {
  await inside(alice.zone, 'cp /bin/busybox /root/su; chmod 4755 /root/su; chmod 0755 /root');
  const path = join(node.mountpoint, alice.zone, 'root/root/su');
  const { uid } = await stat(path);
  assert.ok(uid >= 268435456, `on disk it belongs to ${uid}`);
});

test('links that a guest makes lead the host nowhere', async () => {
  await writeFile(join(node.runDirectory, 'host-file'), 'host');
  await inside(alice.zone, `rm -f /etc/hosts; ln -s ${join(node.runDirectory, 'host-file')} /etc/hosts`);
  await cli(node, 'vmadm', ['stop', '-F', alice.zone]);
  assert.equal((await cli(node, 'vmadm', ['start', alice.zone])).status, 0);
  assert.equal(await readFile(join(node.runDirectory, 'host-file'), 'utf8'), 'host');
});

test('a zone cannot speak with an address or a MAC that is not its own', async () => {
  assert.equal((await inside(alice.zone, 'ping -c 1 -W 2 10.77.0.1')).status, 0);
  await inside(alice.zone, 'ip addr add 10.77.0.200/24 dev eth0');
  assert.notEqual((await inside(alice.zone, 'ping -c 1 -W 1 -I 10.77.0.200 10.77.0.1')).status, 0);
  await inside(alice.zone, 'ip link set eth0 address 02:08:20:ff:ff:ff');
  assert.notEqual((await inside(alice.zone, 'ping -c 1 -W 1 10.77.0.1')).status, 0);
  await inside(alice.zone, 'ip link set eth0 address 02:08:20:00:00:40');
  assert.equal((await inside(alice.zone, 'ping -c 1 -W 5 10.77.0.1')).status, 0);
});

test('the filters are there again after the zone rebooted itself', async () => {
  const before_ = await init(alice.zone);
  await inside(alice.zone, 'reboot');
  for (let tries = 0; tries < 100 && (await init(alice.zone).catch(() => before_)) === before_; tries++);
  await inside(alice.zone, 'ip addr add 10.77.0.201/24 dev eth0');
  assert.notEqual((await inside(alice.zone, 'ping -c 1 -W 1 -I 10.77.0.201 10.77.0.1')).status, 0);
  assert.equal((await inside(alice.zone, 'ping -c 1 -W 5 -I 10.77.0.40 10.77.0.1')).status, 0);
});
