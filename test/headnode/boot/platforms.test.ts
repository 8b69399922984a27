/** Platform images on the head node, by the commands of its operator. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { installPlatform } from '../../../headnode/boot/install-platform.ts';
import { isErrorCode } from '../../../host/errors/errors.ts';
import { publicKeyFrom } from '../../../host/signature/keys.ts';
import { damage, newSigningKey, smallPlatform, stamp, tarOf } from '../../support/platform-image.ts';
import { ask, joinTestHead, startTestHead, sysinfoOf, type JoinedNode, type TestHead } from '../support/head.ts';

const PROGRAM = join(import.meta.dirname, '../../../bin/zonewright.ts');
const [FIRST, SECOND] = [stamp(1), stamp(2)];
const key = newSigningKey();
let head: TestHead;
let node: JoinedNode;
let scratch: string;
let first: string;
let second: string;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'zonewright-platforms-'));
  head = await startTestHead();
  await mkdir(join(head.directory, 'platform-keys'));
  await writeFile(join(head.directory, 'platform-keys/operator.pem'), key.publicPem);
  first = await smallPlatform(scratch, FIRST, key);
  second = await smallPlatform(scratch, SECOND, key);
  node = await joinTestHead(head);
});
after(async () => {
  await node.close();
  await head.close();
  await rm(scratch, { recursive: true, force: true });
});

async function zonewright(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  return await new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, 'head', ...args, '--data', head.directory], (error, stdout, stderr) => resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr }));
  });
}

async function ok(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await zonewright(...args);
  assert.equal(status, 0, stderr);
  return stdout.trimEnd();
}

async function refused(...args: string[]): Promise<string> {
  const { status, stderr } = await zonewright(...args);
  assert.notEqual(status, 0);
  return stderr;
}

test('an image that is not whole, not signed, or signed by somebody else is not taken in, and leaves nothing', async () => {
  const damaged = await smallPlatform(join(scratch, 'damaged'), FIRST, key);
  await damage(join(damaged, 'initramfs'));
  const unsigned = await smallPlatform(join(scratch, 'unsigned'), FIRST, key);
  await rm(join(unsigned, 'manifest.json.sig'));
  const foreign = await smallPlatform(join(scratch, 'foreign'), FIRST, newSigningKey());
  const lying = await smallPlatform(join(scratch, 'lying'), FIRST, key);
  await writeFile(join(lying, 'manifest.json'), (await readFile(join(lying, 'manifest.json'), 'utf8')).replace(FIRST, SECOND));
  const cases = [[damaged, 'PlatformFileDamaged'], [unsigned, 'PlatformUnsigned'], [foreign, 'PlatformSignatureInvalid'], [lying, 'PlatformSignatureInvalid'], [await tarOf(damaged), 'PlatformFileDamaged'], ['/nowhere', 'PlatformSourceUnknown'], [scratch, 'PlatformFileMissing']] as const;
  for (const [from, code] of cases) {
    await assert.rejects(installPlatform({ platforms: join(head.directory, 'platforms'), from, keys: [publicKeyFrom(key.publicPem, 'operator.pem')], say: () => undefined }), (error) => isErrorCode(error, code), `${from} ${code}`);
  }
  assert.match(await refused('platform', 'install', foreign), /sign/);
  assert.deepEqual(await readdir(join(head.directory, 'platforms')), []);
  assert.deepEqual((await ask(`${head.url}/platforms`, 'GET')).body, {});
});

test('the first image becomes what new machines boot, and a server begins with it', async () => {
  assert.equal(await ok('platform', 'install', await tarOf(first)), `${FIRST} is installed; it is what new machines boot`);
  assert.equal(await ok('platform', 'install', first), `${FIRST} was here`);
  assert.equal(await ok('platform', 'install', second), `${SECOND} is installed`);
  assert.deepEqual((await ask(`${head.url}/platforms?os=true`, 'GET')).body, { [FIRST]: { os: 'linux' }, [SECOND]: { os: 'linux', latest: true } });
  const sysinfo = sysinfoOf(node.uuid, { Hostname: 'rack-1', 'Live Image': FIRST, 'Network Interfaces': { eth0: { 'MAC Address': '52:54:00:00:00:01', ip4addr: '10.88.0.10', 'Link Status': 'up', 'NIC Names': ['admin'] } }, 'Admin NIC Tag': 'admin' });
  await ask(`${head.url}/nic_tags`, 'POST', { body: { name: 'admin' } });
  assert.equal((await ask(`${head.url}/networks`, 'POST', { body: { name: 'admin', subnet: '10.88.0.0/24', nic_tag: 'admin', vlan_id: 0, provision_start_ip: '10.88.0.10', provision_end_ip: '10.88.0.99' } })).status, 200);
  await node.say('POST', `/servers/${node.uuid}/sysinfo`, { sysinfo });
  await node.say('POST', `/servers/${node.uuid}/events/status`, { vms: {} });
  assert.equal(await bootPlatform(), FIRST);
});

test('servers are assigned another image by name or uuid, for good or on trial', async () => {
  await ok('platform', 'assign', SECOND, 'rack-1');
  assert.equal(await bootPlatform(), SECOND);
  await ok('platform', 'assign', FIRST, node.uuid);
  assert.equal(await bootPlatform(), FIRST);
  assert.match(await ok('platform', 'assign', SECOND, 'all', '--trial'), /rack-1 .*at the next boot, on trial/);
  assert.equal(await bootPlatform(), FIRST);
  assert.match(await ok('platform', 'list'), new RegExp(`${SECOND} {2}- .* 1$`, 'm'));
  assert.match(await refused('platform', 'assign', SECOND, 'default', '--trial'), /nothing to go back to/);
  assert.match(await refused('platform', 'assign', stamp(9), 'rack-1'), /there is no platform/);
  assert.match(await refused('platform', 'assign', SECOND, 'rack-2'), /rack-2 was not found/);
  assert.equal((await ask(`${head.url}/servers/${node.uuid}/platform-trial`, 'DELETE')).status, 204);
});

test('the platform that a server boots is the same wherever it is asked for, whoever changed it', async () => {
  for (const platform of [SECOND, FIRST]) {
    await ask(`${head.url}/boot/${node.uuid}`, 'POST', { body: { platform } });
    assert.equal(await bootPlatform(), platform);
    assert.equal(((await ask(`${head.url}/boot/${node.uuid}`, 'GET')).body as { platform: string }).platform, platform);
  }
});

test('an image that a machine boots, or would, stays', async () => {
  assert.match(await refused('platform', 'remove', FIRST), /new machines/);
  await ok('platform', 'assign', SECOND, 'default');
  assert.match(await refused('platform', 'remove', FIRST), /is what 1 machines? boot/);
  await ok('platform', 'assign', SECOND, 'rack-1');
  await ok('platform', 'remove', FIRST);
  assert.match(await refused('platform', 'remove', FIRST), /there is no platform/);
  assert.deepEqual(await readdir(join(head.directory, 'platforms')), [SECOND]);
});

test('a node reports for itself alone, and no trial that it does not have', async () => {
  assert.equal((await node.say('POST', `/servers/${node.uuid}/events/platform`, { platform: FIRST, outcome: 'healthy' })).status, 204);
  assert.equal(await bootPlatform(), SECOND);
  await ok('platform', 'assign', SECOND, 'rack-1', '--trial');
  // Not handed out yet: it cannot have been tried.
  await node.say('POST', `/servers/${node.uuid}/events/platform`, { platform: SECOND, outcome: 'failed', reason: 'x' });
  assert.match(await ok('boot', 'list'), new RegExp(`rack-1 .*${SECOND} waiting$`, 'm'));
  assert.equal((await node.say('PUT', `/servers/${node.uuid}/platform`, { platform: SECOND })).status, 404);
  assert.equal((await node.say('PUT', `/servers/${node.uuid}/boot-once`, { how: 'rescue' })).status, 404);
  assert.equal((await node.say('POST', `/servers/${node.uuid}/events/platform`, { platform: '../x', outcome: 'healthy' })).status, 409);
});

test('an operator has a server boot into rescue once, and thinks better of it', async () => {
  await ok('boot', 'once', 'rack-1', 'rescue');
  assert.match(await ok('boot', 'list'), /rack-1 .*rescue$/m);
  await ok('boot', 'once', 'rack-1', 'usual');
  assert.doesNotMatch(await ok('boot', 'list'), /rescue/);
  assert.match(await refused('boot', 'once', 'rack-1', 'dance'), /there are rescue, usual/);
});

async function bootPlatform(): Promise<unknown> {
  return ((await ask(`${head.url}/servers/${node.uuid}`, 'GET')).body as { boot_platform: string }).boot_platform;
}
