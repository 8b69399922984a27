import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../../host/run/run.ts';
import { buildGuestTools } from '../../images/guest-tools/build.ts';
import { cli, type CliResult } from '../support/cli.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';
import { minimalImage } from '../support/seed-images.ts';
import { zoneDirectory } from '../../vmadm/metadata/service-paths.ts';

let node: ScratchNode;
let image: string;
const uuid = randomUUID();

before(async () => {
  await buildGuestTools();
  node = await scratchNode();
  image = (await minimalImage(node)).lx;
  await create(uuid, {
    alias: 'web',
    hostname: 'web-1',
    customer_metadata: { color: 'blue', 'user-script': '#!/bin/sh\n.hidden\necho hi\n', number: 7 },
    internal_metadata: { root_pw: 'secret', hidden: 'operator only', 'op:x': 'of the operator' },
    internal_metadata_namespaces: ['op'],
    tags: { role: 'db' },
    resolvers: ['10.77.0.1'],
    nics: [{ nic_tag: 'admin', ip: '10.77.0.90', netmask: '255.255.255.0', gateway: '10.77.0.1', primary: true }],
  });
});

after(async () => {
  await cli(node, 'vmadm', ['delete', uuid]);
  await node.remove();
});

async function create(zone: string, more: Record<string, unknown> = {}): Promise<void> {
  const payload = { uuid: zone, brand: 'lx', kernel_version: '6.1.0', image_uuid: image, quota: 1, max_physical_memory: 128, ...more };
  const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: JSON.stringify(payload) });
  assert.equal(status, 0, stderr);
}

function inside(zone: string, command: string): Promise<CliResult> {
  return cli(node, 'zlogin', [zone, command]);
}

async function output(command: string, zone = uuid): Promise<string> {
  const { stdout, stderr, status } = await inside(zone, command);
  assert.equal(status, 0, `${command}: ${stderr}`);
  return stdout;
}

async function get(zone = uuid): Promise<Record<string, unknown>> {
  return JSON.parse((await cli(node, 'vmadm', ['get', zone])).stdout) as Record<string, unknown>;
}

test('a zone reads its customer metadata, whatever lines it has', async () => {
  assert.equal(await output('/usr/sbin/mdata-get color'), 'blue\n');
  assert.equal(await output('mdata-get user-script'), '#!/bin/sh\n.hidden\necho hi\n');
  assert.equal(await output('/native/usr/sbin/mdata-get number'), '7\n');
});

test('a zone reads its own properties under sdc:', async () => {
  assert.equal(await output('mdata-get sdc:uuid'), `${uuid}\n`);
  assert.equal(await output('mdata-get sdc:alias'), 'web\n');
  assert.equal(await output('mdata-get sdc:hostname'), 'web-1\n');
  assert.equal(await output('mdata-get sdc:tags.role'), 'db\n');
  assert.equal(await output('mdata-get sdc:state'), 'running\n');
  assert.deepEqual(JSON.parse(await output('mdata-get sdc:resolvers')), ['10.77.0.1']);
  const [nic] = JSON.parse(await output('mdata-get sdc:nics')) as Array<Record<string, unknown>>;
  assert.deepEqual([nic?.['ip'], nic?.['netmask'], nic?.['interface'], nic?.['primary']], ['10.77.0.90', '255.255.255.0', 'eth0', true]);
});

test('what the operator keeps for itself is not there, and what it shows cannot be changed', async () => {
  assert.equal(await output('mdata-get op:x'), 'of the operator\n');
  const hidden = await inside(uuid, 'mdata-get hidden');
  assert.deepEqual([hidden.status, hidden.stderr], [1, "No metadata for 'hidden'\n"]);
  for (const [command, text] of [
    ['mdata-put op:x mine', 'Cannot update the "op" Namespace.\n'],
    ['mdata-put sdc:alias mine', 'Cannot update the "sdc" Namespace.\n'],
    ['mdata-delete sdc:alias', 'Cannot update the "sdc" Namespace.\n'],
  ] as const) {
    const { status, stderr } = await inside(uuid, command);
    assert.deepEqual([status, stderr], [2, text], command);
  }
  assert.equal((await get())['alias'], 'web');
});

test('the tools end with 1 for a key that is not there and with 3 for wrong usage', async () => {
  const missing = await inside(uuid, 'mdata-get nothing');
  assert.deepEqual([missing.status, missing.stdout, missing.stderr], [1, '', "No metadata for 'nothing'\n"]);
  for (const command of ['mdata-get', 'mdata-get a b', 'mdata-list x', 'mdata-delete', 'mdata-put', 'mdata-put a b c']) {
    const { status, stderr } = await inside(uuid, command);
    assert.equal(status, 3, command);
    assert.match(stderr, /^Usage: mdata-/, command);
  }
});

test('what a zone puts is in vmadm get at once, and what it deletes is not', async () => {
  const before_ = (await get())['last_modified'];
  await output('mdata-put status "up and running"');
  await output('printf "two\\nlines\\n" | mdata-put from-stdin');
  await output('mdata-put root_pw changed');
  const vm = await get();
  assert.deepEqual(vm['customer_metadata'], { color: 'blue', 'user-script': '#!/bin/sh\n.hidden\necho hi\n', number: 7, status: 'up and running', 'from-stdin': 'two\nlines\n' });
  assert.equal((vm['internal_metadata'] as Record<string, unknown>)['root_pw'], 'changed');
  assert.notEqual(vm['last_modified'], before_);
  assert.equal(await output('mdata-list'), 'color\nuser-script\nnumber\nstatus\nfrom-stdin\nroot_pw\nop:x\n');
  await output('mdata-delete status');
  await output("mdata-put from-stdin ''");
  assert.equal(await output('mdata-list'), 'color\nuser-script\nnumber\nroot_pw\nop:x\n');
  assert.deepEqual(Object.keys((await get())['customer_metadata'] as object), ['color', 'user-script', 'number']);
});

test('a mebibyte goes in and comes out as it was, and no more than that goes in', async () => {
  await output('dd if=/dev/zero bs=1024 count=1024 2>/dev/null | tr "\\0" x > /tmp/big');
  await output('mdata-put big < /tmp/big && mdata-get big > /tmp/back && truncate -s 1048576 /tmp/back && cmp /tmp/big /tmp/back');
  const { status, stderr } = await inside(uuid, 'echo >> /tmp/big; mdata-put bigger < /tmp/big');
  assert.deepEqual([status, stderr], [2, 'A value has at most 1048576 bytes.\n']);
  await output('mdata-delete big');
});

test('twenty puts at a time are all kept', async () => {
  await output('for i in $(seq 20); do mdata-put many-$i $i & done; wait');
  const kept = (await get())['customer_metadata'] as Record<string, unknown>;
  assert.deepEqual(Array.from({ length: 20 }, (_, index) => kept[`many-${index + 1}`]), Array.from({ length: 20 }, (_, index) => String(index + 1)));
});

test('only root of a zone may ask', async () => {
  for (const command of ['mdata-get color', 'ls /.zonecontrol/', 'mdata-put a b']) {
    const { status, stdout, stderr } = await inside(uuid, `su -s /bin/sh -c "${command}" nobody`);
    assert.notEqual(status, 0, command);
    assert.equal(stdout, '', command);
    assert.match(stderr, /ermission denied/, command);
  }
});

test('a zone cannot change what is lent to it', async () => {
  for (const command of ['rm /.zonecontrol/metadata.sock', 'touch /.zonecontrol/mine', 'echo x > /usr/sbin/mdata-get', 'touch /native/usr/sbin/mine', 'mount -o remount,rw /.zonecontrol && touch /.zonecontrol/mine']) {
    assert.notEqual((await inside(uuid, command)).status, 0, command);
  }
  assert.equal(await output('mdata-get color'), 'blue\n');
});

test('the socket of a zone is closed to every other id of the host', async () => {
  const other = randomUUID();
  await create(other, { owner_uuid: randomUUID(), customer_metadata: { color: 'red' } });
  assert.equal(await output('mdata-get color', other), 'red\n');
  const pid = Number((await get(other))['pid']);
  const first = Number((await readFile(`/proc/${pid}/uid_map`, 'utf8')).trim().split(/\s+/)[1]);
  const [mine, its] = await Promise.all([uuid, other].map((zone) => stat(join(zoneDirectory(node, zone), 'metadata.sock'))));
  assert.deepEqual([its?.uid, (its?.mode ?? 0) & 0o777], [first, 0o600]);
  assert.notEqual(mine?.uid, its?.uid);
  // An escaped root of the other zone, which knows the path.
  const connect = `import('node:net').then(({ connect }) => connect(process.argv[1]).on('error', (e) => { console.log(e.code); }).on('connect', () => { console.log('in'); process.exit(); }))`;
  const attempt = await run(['setpriv', `--reuid=${first}`, `--regid=${first}`, '--clear-groups', process.execPath, '-e', connect, join(zoneDirectory(node, uuid), 'metadata.sock')]);
  assert.equal(attempt.stdout, 'EACCES\n');
  await cli(node, 'vmadm', ['delete', other]);
});

test('a zone that was deleted leaves nothing in the run directory', async () => {
  const other = randomUUID();
  await create(other);
  assert.ok(await stat(zoneDirectory(node, other)));
  await cli(node, 'vmadm', ['delete', other]);
  await assert.rejects(stat(zoneDirectory(node, other)), { code: 'ENOENT' });
});

test('a zone whose image has cloud-init finds its seed, read-only', async () => {
  const zone = randomUUID();
  await create(zone, { autoboot: false, hostname: 'seeded', customer_metadata: { root_authorized_keys: 'ssh-ed25519 AAAA me' } });
  await mkdir(join(node.mountpoint, zone, 'root/etc/cloud'));
  assert.equal((await cli(node, 'vmadm', ['start', zone])).status, 0);
  const seed = '/var/lib/cloud/seed/nocloud';
  assert.deepEqual(JSON.parse(await output(`cat ${seed}/meta-data`, zone)), { 'instance-id': zone, 'local-hostname': 'seeded', 'public-keys': ['ssh-ed25519 AAAA me'] });
  assert.equal(await output(`cat ${seed}/user-data`, zone), '#cloud-config\n{}\n');
  assert.notEqual((await inside(zone, `touch ${seed}/mine`)).status, 0);
  await cli(node, 'vmadm', ['delete', zone]);
});

test('metadata is there again after the zone rebooted itself', async () => {
  const pid = (await get())['pid'];
  await inside(uuid, 'reboot');
  for (let tries = 0; tries < 200 && ((await get())['pid'] ?? pid) === pid; tries++);
  assert.equal(await output('mdata-get color'), 'blue\n');
});
