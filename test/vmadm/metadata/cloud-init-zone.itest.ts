/** A zone whose image has Debian's real cloud-init, configured by the NoCloud seed that its node lends it. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cli } from '../../support/cli.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';
import { debianCloudImage } from '../../support/seed-images.ts';

let node: ScratchNode;
let root: string;
const uuid = randomUUID();
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1sHcm1Ku0v1Tq4yVqSxN2Wl0zq0S8yJw1kq4p8YtQx operator@desk';

before(async () => {
  node = await scratchNode();
  const payload = {
    uuid,
    brand: 'lx',
    kernel_version: '6.1.0',
    image_uuid: await debianCloudImage(node),
    hostname: 'cloud-zone',
    ram: 1024,
    quota: 2,
    customer_metadata: { root_authorized_keys: KEY, 'user-script': '#!/bin/sh\nhostname >/root/user-script.out\n' },
    nics: [{ nic_tag: 'admin', ips: ['10.77.0.74/24'], mac: '02:08:20:00:00:74' }],
  };
  const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: JSON.stringify(payload) });
  assert.equal(status, 0, stderr);
  root = join(node.mountpoint, uuid, 'root');
  await finished();
});

after(async () => {
  await cli(node, 'vmadm', ['delete', uuid]);
  await node.remove();
});

test('cloud-init finds the seed by itself', async () => {
  const { v1 } = JSON.parse(await readFile(join(root, RESULT), 'utf8')) as { v1: { datasource: string; errors: string[] } };
  assert.match(v1.datasource, /^DataSourceNoCloud/);
  assert.deepEqual(v1.errors, []);
});

test('the zone has its host name, cloud-init its user with the operator\'s key', async () => {
  assert.equal((await readFile(join(root, 'etc/hostname'), 'utf8')).trim(), 'cloud-zone');
  assert.match(await readFile(join(root, 'etc/passwd'), 'utf8'), /^debian:/m);
  assert.ok((await readFile(join(root, 'home/debian/.ssh/authorized_keys'), 'utf8')).includes(KEY));
});

test('the user-script has run in the zone', async () => {
  assert.equal(await readFile(join(root, 'root/user-script.out'), 'utf8'), 'cloud-zone\n');
});

test('the guest cannot change its seed, which is mounted read-only', async () => {
  const seed = '/var/lib/cloud/seed/nocloud';
  const { stdout } = await cli(node, 'zlogin', [uuid, '/bin/grep', seed, '/proc/mounts']);
  assert.match(stdout, new RegExp(` ${seed} \\S+ ro,`));
  // Root of the zone may change how it is mounted there; what lies in it is still not its own.
  const remount = `mount -o remount,bind,rw ${seed}; `;
  for (const command of [`echo x >>${seed}/user-data`, `touch ${seed}/more`, `rm ${seed}/user-data`, `chmod 777 ${seed}`, `chown 0:0 ${seed}/user-data`]) {
    for (const first of ['', remount]) assert.notEqual((await cli(node, 'zlogin', [uuid, '/bin/sh', '-c', `${first}${command}`])).status, 0, `${first}${command}`);
  }
});

/** cloud-init writes it when its last stage is over. */
const RESULT = 'var/lib/cloud/data/result.json';

async function finished(): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    if (existsSync(join(root, RESULT))) return;
    await sleep(250);
  }
  const log = await readFile(join(root, 'var/log/cloud-init.log'), 'utf8').catch(() => 'there is no log');
  assert.fail(`cloud-init did not finish; its log ends with:\n${log.slice(-3000)}`);
}
