/** From `zonewright head` and a node that joins it to a zone that answers, by the commands that docs/api.md names and `triton`. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../../host/run/run.ts';
import { publishImage } from '../../../imgadm/publish/publish.ts';
import { startAgent, type RunningAgent } from '../../support/agent.ts';
import { cli } from '../../support/cli.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';
import { seedOf } from '../../support/seed-images.ts';
import { ask, startTestHead, type TestHead } from '../support/head.ts';
import { newKey } from './serving.ts';
import { openTriton, type Triton } from './triton.ts';

const key = newKey('ed25519');
const PATIENCE_MILLISECONDS = 240_000;

let head: TestHead;
let node: ScratchNode;
let agent: RunningAgent | undefined;
let triton: Triton & AsyncDisposable;
let zoneImage: string;
let diskImage: string;

before(async () => {
  node = await scratchNode();
  head = await startTestHead();
  const cloudapi = `http://127.0.0.1:${head.running.cloudapi.address?.port}`;
  triton = await openTriton([key], { url: cloudapi, account: 'alice', keyId: key.fingerprint });
});

after(async () => {
  await triton?.[Symbol.asyncDispose]();
  await agent?.stop();
  await head?.close();
  await node.remove();
});

async function zonewright(...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await cli(node, 'zonewright', ['head', ...args, '--data', head.directory]);
  assert.equal(status, 0, `zonewright head ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

async function said(...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await triton(...args);
  assert.equal(status, 0, `triton ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

async function instance(name: string): Promise<Record<string, unknown>> {
  return JSON.parse(await said('instance', 'get', name));
}

/** What the node itself knows of an instance. */
async function onNode(uuid: unknown): Promise<Record<string, unknown>> {
  const { status, stdout, stderr } = await cli(node, 'vmadm', ['get', String(uuid)]);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MILLISECONDS;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `it did not come about: ${what}`);
    await sleep(200);
  }
}

test('an operator makes an account, a key, a package and a network, a node joins, and an image is published', async () => {
  const publicKey = join(triton.home, '.ssh/id_0.pub');
  await zonewright('account', 'add', 'alice', '--email', 'alice@example.com');
  assert.equal(await zonewright('key', 'add', 'alice', publicKey), key.fingerprint);
  await zonewright('package', 'add', 'small', '--ram', '128', '--disk', '1024');
  await zonewright('nic-tag', 'add', 'external');
  await zonewright('network', 'add', 'external', '10.77.0.0/24', '--nic-tag', 'external', '--start', '10.77.0.100', '--end', '10.77.0.120');

  agent = await startAgent(node, { ZONEWRIGHT_AGENT_PORT: '0' });
  const joined = await cli(node, 'zonewright', ['join', '-'], { input: await zonewright('token') });
  assert.equal(joined.status, 0, joined.stderr);
  await until('the node runs in the eyes of its head', async () => {
    const { body } = await ask(`${head.url}/servers/${node.serverUuid}`, 'GET');
    return (body as { status?: string }).status === 'running';
  });

  zoneImage = await publish('minimal', 'zone-dataset');
  diskImage = await publish('tiny-vm', 'zvol');
  const listed = await said('image', 'list', '-j');
  assert.ok(listed.includes(zoneImage) && listed.includes(diskImage));
});

/** As `imgadm publish` does it. @returns the image's uuid */
async function publish(name: string, wanted: string): Promise<string> {
  const seed = await seedOf(name);
  const manifest = seed.manifests.find(({ type }) => type === wanted);
  assert.ok(manifest);
  return (await publishImage({ manifestPath: manifest.path, filePath: seed.archive, to: { type: 'imgapi', url: head.url } })).uuid;
}

test('triton creates a zone that runs on the node and answers at the address that the head gave it', async () => {
  await said('instance', 'create', '-w', '-n', 'web', '-t', 'role=db', '-m', 'greeting=hello', zoneImage, 'small');
  const web = await instance('web');
  assert.deepEqual([web['state'], web['package'], web['compute_node'], web['tags']], ['running', 'small', node.serverUuid, { role: 'db' }]);
  const vm = await onNode(web['id']);
  assert.deepEqual([vm['state'], vm['alias'], vm['max_physical_memory'], vm['quota'], vm['tags']], ['running', 'web', 128, 1, { role: 'db' }]);
  assert.equal((vm['customer_metadata'] as Record<string, string>)['greeting'], 'hello');
  assert.match(String(web['primaryIp']), /^10\.77\.0\.1\d\d$/);
  await until('the zone answers', async () => (await run(['ping', '-c', '1', '-W', '1', '--', String(web['primaryIp'])], { acceptExitCodes: [0, 1] })).exitCode === 0);
});

test('it is stopped, started, rebooted, renamed, tagged and described; the node knows each', async () => {
  const { id } = await instance('web');
  await said('instance', 'stop', '-w', 'web');
  assert.equal((await onNode(id))['state'], 'stopped');
  await said('instance', 'start', '-w', 'web');
  assert.equal((await onNode(id))['state'], 'running');
  const bootBefore = (await onNode(id))['boot_timestamp'];
  await said('instance', 'reboot', '-w', 'web');
  assert.notEqual((await onNode(id))['boot_timestamp'], bootBefore);
  await said('instance', 'rename', '-w', 'web', 'web2');
  await said('instance', 'tag', 'set', '-w', 'web2', 'a=b');
  await said('instance', 'metadata', 'set', '-w', 'web2', 'colour=red');
  const vm = await onNode(id);
  assert.deepEqual([vm['alias'], vm['tags'], (vm['customer_metadata'] as Record<string, string>)['colour']], ['web2', { role: 'db', a: 'b' }, 'red']);
  const actions = (await said('instance', 'audit', '-j', 'web2')).trim().split('\n').map((line) => JSON.parse(line) as { action: string; success: string });
  for (const action of ['provision', 'stop', 'start', 'reboot', 'rename', 'set_tags', 'set_metadata']) assert.ok(actions.some((entry) => entry.action === action && entry.success === 'yes'), action);
});

test('triton creates a machine with a disk of its package\'s size, and deletes it', async () => {
  await said('instance', 'create', '-w', '-n', 'iron', diskImage, 'small');
  const iron = await instance('iron');
  assert.deepEqual([iron['state'], iron['type'], iron['image'], iron['memory']], ['running', 'virtualmachine', diskImage, 128]);
  const disks = (await onNode(iron['id']))['disks'] as ReadonlyArray<{ size: number }>;
  assert.equal(disks[1]?.size, 1024);
  await said('instance', 'delete', '-f', '-w', 'iron');
});

test('what an operator changes on the node itself is seen through triton', async () => {
  const { id } = await instance('web2');
  const changed = await cli(node, 'vmadm', ['stop', String(id), '-F']);
  assert.equal(changed.status, 0, changed.stderr);
  await until('the head knows that it stopped', async () => (await instance('web2'))['state'] === 'stopped');
});

test('when it is deleted nothing of it is left, on the node or in the network', async () => {
  const { id, primaryIp } = await instance('web2');
  await said('instance', 'delete', '-f', '-w', 'web2');
  assert.equal((await triton('instance', 'get', String(id))).status, 3);
  const { stdout } = await cli(node, 'vmadm', ['list', '-p', '-o', 'uuid']);
  assert.equal(stdout.trim(), '');
  const { exitCode } = await run(['zfs', 'list', '-H', '-o', 'name', '--', `${node.pool}/${String(id)}`], { acceptExitCodes: [0, 1] });
  assert.equal(exitCode, 1);
  const used = JSON.parse(await zonewright('network', 'ips', 'external', '--json')) as ReadonlyArray<{ ip: string; free: boolean }>;
  assert.ok(used.every(({ ip, free }) => ip !== primaryIp || free), JSON.stringify(used));
});
