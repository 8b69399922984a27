import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { cli } from '../support/cli.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';
import { minimalImage } from '../support/seed-images.ts';

let node: ScratchNode;
const zone = randomUUID();

before(async () => {
  node = await scratchNode();
  const { lx } = await minimalImage(node);
  const payload = { uuid: zone, brand: 'lx', kernel_version: '6.1.0', image_uuid: lx, quota: 1, max_physical_memory: 128, tmpfs: 0 };
  const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: JSON.stringify(payload) });
  assert.equal(status, 0, stderr);
});

after(async () => {
  await cli(node, 'vmadm', ['delete', zone]);
  await node.remove();
});

async function inside(command: string): Promise<string> {
  const { stdout, stderr } = await cli(node, 'zlogin', [zone, command]);
  return `${stdout}${stderr}`.trim();
}

const asNobody = (command: string): string => `su -s /bin/sh nobody -c '${command}'`;

test('root in a zone gives files to other users, as package managers do', async () => {
  assert.equal(await inside('touch /root/a; chown 1000:100 /root/a; stat -c %u:%g /root/a'), '1000:100');
  assert.equal(await inside('mkdir /home/u; chown 1000:1000 /home/u; chmod 0700 /home/u; stat -c %u:%g:%a /home/u'), '1000:1000:700');
});

test('root in a zone reads, writes, makes and removes what belongs to other users', async () => {
  await inside(`mkdir -m 0777 /shared; ${asNobody('echo of-nobody > /shared/f; chmod 0600 /shared/f; mkdir -m 0700 /shared/d')}`);
  assert.equal(await inside('cat /shared/f'), 'of-nobody');
  assert.equal(await inside('echo more >> /shared/f; wc -l < /shared/f'), '2');
  assert.equal(await inside('echo x > /shared/d/by-root; stat -c %u /shared/d/by-root; mkdir /shared/d/sub; stat -c %u /shared/d/sub; ln -s y /shared/d/link; stat -c %u /shared/d/link'), '0\n0\n0');
  assert.equal(await inside('rm -r /shared/f /shared/d; ls /shared'), '');
});

test('what a user makes is the user\'s own', async () => {
  await inside('mkdir -m 1777 /mine');
  assert.equal(await inside(`${asNobody('touch /mine/f; mkdir /mine/d; ln -s x /mine/l; mkfifo /mine/p')}; stat -c %u /mine/f /mine/d /mine/l /mine/p`), '65534\n65534\n65534\n65534');
});

/** What an ordinary user of a zone tries on what is root's, and must be refused. */
const REFUSED = [
  'cat /root/secret',
  'echo x > /root/secret',
  'echo x > /etc/passwd',
  'rm /open/of-root',
  'mv /open/of-root /open/other',
  'chmod 0777 /readable',
  'chown 65534 /readable',
  'touch /etc/new',
  'mkdir /etc/new',
  'ln -s x /etc/new',
  'ls /closed',
  'touch -d "2001-01-01 00:00:00" /readable',
];

for (const command of REFUSED) {
  test(`an ordinary user of a zone cannot: ${command}`, async () => {
    await inside('echo s > /root/secret; chmod 0600 /root/secret; chmod 0711 /root; mkdir -p -m 1777 /open; touch /open/of-root /readable; chmod 0644 /readable; mkdir -p -m 0700 /closed');
    assert.match(await inside(`${asNobody(command)} || echo refused`), /^refused$/m);
  });
}

test('a set-group-id directory hands its group on, and writing takes set-user-id away', async () => {
  assert.equal(await inside('mkdir /sgid; chown 0:100 /sgid; chmod 2775 /sgid; touch /sgid/f; stat -c %g /sgid/f'), '100');
  assert.equal(await inside(`cp /bin/busybox /mode; chown 65534 /mode; chmod 4777 /mode; ${asNobody('echo x >> /mode')}; stat -c %a /mode`), '777');
});
