import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { dataset } from '../../host/config/units.ts';
import { createDataset, destroyDataset, listChildren } from '../../host/zfs/zfs.ts';
import { cli } from '../support/cli.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';
import { minimalImage } from '../support/seed-images.ts';

let node: ScratchNode;
let images: { lx: string; zone: string };
const existing = randomUUID();

before(async () => {
  node = await scratchNode({ megabytes: 1024 });
  images = await minimalImage(node);
  const nics = [{ nic_tag: 'admin', ip: '10.77.0.90', netmask: '255.255.255.0', mac: '02:08:20:00:00:90' }];
  const created = await cli(node, 'vmadm', ['create'], { input: JSON.stringify(good({ uuid: existing, nics })) });
  assert.equal(created.status, 0, created.stderr);
});

after(async () => {
  await cli(node, 'vmadm', ['delete', existing]);
  await node.remove();
});

function good(more: Record<string, unknown> = {}): Record<string, unknown> {
  return { brand: 'lx', kernel_version: '6.1.0', image_uuid: images.lx, autoboot: false, quota: 1, ...more };
}

async function state(): Promise<string> {
  const [{ stdout }, children] = await Promise.all([cli(node, 'vmadm', ['lookup']), listChildren(dataset(node.pool), 'name')]);
  return JSON.stringify([stdout, children.map(({ name }) => name).sort()]);
}

const nic = (more: Record<string, unknown>): Record<string, unknown> => good({ nics: [{ nic_tag: 'admin', netmask: '255.255.255.0', ...more }] });

/** Payloads that must be refused with exit 1, and the message on stderr: exactly, or a pattern. */
const REFUSED: Array<[name: string, payload: () => unknown, message: string | RegExp]> = [
  ['an unknown brand', () => good({ brand: 'docker' }), 'Invalid brand while validating payload: "docker"'],
  ['an image that is not installed', () => good({ image_uuid: '01234567-89ab-4cde-8f01-23456789abcd' }), 'Invalid value(s) for: image_uuid'],
  ['an image of another type', () => good({ image_uuid: images.zone }), /type zone-dataset.*lx-dataset/],
  ['no image', () => good({ image_uuid: undefined }), 'Missing required properties: image_uuid'],
  ['text where a number belongs', () => good({ ram: 'lots' }), 'Invalid value(s) for: ram'],
  ['an object where text belongs', () => good({ alias: { a: 1 } }), 'Invalid value(s) for: alias'],
  ['a list where an object belongs', () => good({ customer_metadata: ['a'] }), 'Invalid value(s) for: customer_metadata'],
  ['a negative size', () => good({ quota: -1 }), 'Invalid value(s) for: quota'],
  ['a fraction', () => good({ max_lwps: 10.5 }), 'Invalid value(s) for: max_lwps'],
  ['an absurd size', () => good({ ram: 1e300 }), 'Invalid value(s) for: ram'],
  ['an absurd quota', () => good({ quota: 9007199254740993 }), 'Invalid value(s) for: quota'],
  ['an alias with a newline', () => good({ alias: 'web\nlxc.hook.pre-start = /bin/true' }), 'Invalid value(s) for: alias'],
  ['a hostname of 300 bytes', () => good({ hostname: 'h'.repeat(300) }), 'Invalid value(s) for: hostname'],
  ['a hostname with a newline', () => good({ hostname: 'web\nevil' }), 'Invalid value(s) for: hostname'],
  ['a resolver that is not an address', () => good({ resolvers: ['10.0.0.1', 'evil\nnameserver 6.6.6.6'] }), 'Invalid value(s) for: resolvers'],
  ['a domain with a newline', () => good({ dns_domain: 'x\nnameserver 6.6.6.6' }), 'Invalid value(s) for: dns_domain'],
  ['a uuid that is not one', () => good({ uuid: '../../etc' }), 'Invalid value(s) for: uuid'],
  ['an upper-case uuid', () => good({ uuid: 'ABCDEF01-89AB-4CDE-8F01-23456789ABCD' }), 'Invalid value(s) for: uuid'],
  ['a uuid that exists', () => good({ uuid: existing }), /^VM with UUID .* already exists$/],
  ['the uuid of an image', () => good({ uuid: images.lx }), /^VM with UUID .* already exists$/],
  ['an address in use', () => nic({ ip: '10.77.0.90' }), 'Conflict detected with another vm, please check the MAC, IP, and VRID'],
  ['a MAC address in use', () => nic({ ip: '10.77.0.91', mac: '02:08:20:00:00:90' }), 'Conflict detected with another vm, please check the MAC, IP, and VRID'],
  ['a nic tag that does not exist', () => nic({ ip: '10.77.0.92', nic_tag: 'moon' }), 'Invalid nic tag "moon"'],
  ['an interface name with an option', () => nic({ ip: '10.77.0.93', interface: 'eth0\nlxc.net.0.script.up = /x' }), 'Invalid value(s) for: nics.*.interface'],
  ['a MAC address of seven parts', () => nic({ ip: '10.77.0.94', mac: '00:01:02:03:04:05:06' }), 'Invalid value(s) for: nics.*.mac'],
  ['a pool that does not exist', () => good({ zpool: 'doogle' }), 'Invalid value(s) for: zpool'],
  ['a list instead of an object', () => [], /must be an object/],
  ['null', () => null, /must be an object/],
];

for (const [name, payload, message] of REFUSED) {
  test(`create refuses ${name}, says so with exit 1, and changes nothing`, async () => {
    const before_ = await state();
    const { status, stderr, stdout } = await cli(node, 'vmadm', ['create'], { input: JSON.stringify(payload()) });
    assert.equal(status, 1, stderr);
    assert.equal(stdout, '');
    if (typeof message === 'string') assert.equal(stderr.trimEnd(), message);
    else assert.match(stderr.trimEnd(), message);
    assert.ok(!/\n\s+at /.test(stderr), `a stack trace: ${stderr}`);
    assert.equal(await state(), before_);
  });
}

test('on request the refusal says which value is wrong and what is accepted', async () => {
  const input = JSON.stringify(good({ quota: -1, alias: 'a\nb' }));
  const { stderr } = await cli(node, 'vmadm', ['create'], { input, environment: { VMADM_WARN: '1' } });
  assert.match(stderr, /^Invalid value\(s\) for: alias,quota$|^Invalid value\(s\) for: quota,alias$/m);
  assert.match(stderr, /quota.*-1/);
  assert.match(stderr, /alias.*a\\nb/);
});

test('create refuses text that is not JSON, and a file that does not exist', async () => {
  const broken = await cli(node, 'vmadm', ['create'], { input: '{"brand": "lx",' });
  assert.equal(broken.status, 1);
  assert.match(broken.stderr, /^Invalid JSON payload: /);
  const absent = await cli(node, 'vmadm', ['create', '-f', '/no/such/file']);
  assert.deepEqual([absent.status, absent.stderr], [1, 'File: /no/such/file does not exist.\n']);
});

test('verbs on an instance that does not exist say so with exit 1', async () => {
  const uuid = randomUUID();
  for (const verb of ['get', 'start', 'stop', 'reboot', 'delete', 'kill', 'info', 'console']) {
    const { status, stderr } = await cli(node, 'vmadm', [verb, uuid]);
    assert.equal(status, 1, verb);
    assert.match(stderr, new RegExp(`${uuid}: No such zone configured`), verb);
  }
});

test('operands that are not uuids are usage errors with exit 2', async () => {
  for (const operand of ['', 'web', '-rf', '../../etc/passwd']) {
    const { status, stderr } = await cli(node, 'vmadm', ['delete', '--', operand]);
    assert.equal(status, 2, operand);
    assert.match(stderr, /^Invalid or missing UUID for delete/);
  }
});

test('a start for which the nic tag is gone is refused with its name', async () => {
  const uuid = randomUUID();
  const { writeFile, readFile } = await import('node:fs/promises');
  const tags = await readFile(node.paths.nicTags, 'utf8');
  await writeFile(node.paths.nicTags, JSON.stringify({ ...JSON.parse(tags), passing: { bridge: 'zwadmin' } }));
  const nics = [{ nic_tag: 'passing', ip: '10.77.0.95', netmask: '255.255.255.0' }];
  assert.equal((await cli(node, 'vmadm', ['create'], { input: JSON.stringify(good({ uuid, nics })) })).status, 0);
  await writeFile(node.paths.nicTags, tags);
  const { status, stderr } = await cli(node, 'vmadm', ['start', uuid]);
  assert.deepEqual([status, stderr], [1, `Unable to start VM ${uuid}: Invalid nic tag "passing"\n`]);
  assert.equal((await cli(node, 'vmadm', ['delete', uuid])).status, 0);
});

test('a full pool refuses a create with the numbers and keeps nothing of it', async () => {
  const filler = dataset(node.pool, 'filler');
  await createDataset(filler);
  const file = await open(join(node.mountpoint, 'filler', 'file'), 'w');
  const block = Buffer.alloc(4 * 1024 * 1024, 1);
  try {
    for (let index = 0; index < 2000; index++) await file.write(block);
    assert.fail('the pool did not fill up');
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  } finally {
    await file.close().catch(() => undefined);
  }
  const before_ = await state();
  const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: JSON.stringify(good()) });
  assert.equal(status, 1);
  assert.match(stderr, /^no space: pool \S+ has \d+ MiB left and the instance needs \d+ MiB$/m);
  assert.equal(await state(), before_);
  await destroyDataset(filler);
});
