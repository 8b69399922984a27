import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../../../host/run/run.ts';
import { etcLayers, mountEtc } from '../../../node/persistence/etc.ts';
import { layerChanges } from '../../../node/persistence/layer-changes.ts';

/** A root in memory, as init makes it: an image with a layer of its own over it. The store is a file system of its own too. */
let directory: string;
let [etc, store, system] = ['', '', ''];
const serverUuid = randomUUID();

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zonewright-etc-'));
  await run(['mount', '-t', 'tmpfs', 'tmpfs', directory]);
  [etc, store, system] = [join(directory, 'root/etc'), join(directory, 'store'), join(directory, 'system')];
  await mkdir(store);
  await makeImage({ passwd: 'root:x:0:0::/root:/bin/sh\n', shadow: 'root:*:1::::::\n', 'tool.conf': 'of the first image\n', 'gone.conf': 'x\n' });
  await bootRoot();
  await writeFile(join(etc, 'made-in-memory'), 'x\n');
});
after(async () => {
  for (const mount of [etc, join(directory, 'root')]) await run(['umount', mount], { acceptExitCodes: [0, 1, 32] });
  await run(['umount', '-l', directory]);
  await rm(directory, { recursive: true, force: true });
});

async function makeImage(files: Readonly<Record<string, string>>): Promise<void> {
  const image = join(system, 'image/platform/etc');
  await rm(image, { recursive: true, force: true });
  await mkdir(join(image, 'systemd/system'), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(image, name), text);
}

async function bootRoot(): Promise<void> {
  const [root, layer] = [join(directory, 'root'), join(system, 'layer')];
  await rm(layer, { recursive: true, force: true });
  for (const path of [root, join(layer, 'upper'), join(layer, 'work')]) await mkdir(path, { recursive: true });
  await run(['mount', '-t', 'overlay', '-o', `lowerdir=${join(system, 'image/platform')},upperdir=${join(layer, 'upper')},workdir=${join(layer, 'work')}`, 'root', root]);
}

async function reboot(image: Readonly<Record<string, string>>): Promise<void> {
  await run(['umount', etc]);
  await run(['umount', join(directory, 'root')]);
  await makeImage(image);
  await bootRoot();
  await mountEtc({ store, etc, system, serverUuid });
}

function read(name: string): Promise<string> {
  return readFile(join(etc, name), 'utf8');
}

test('what a new node has in memory becomes the node’s, and it has ids', async () => {
  await mountEtc({ store, etc, system, serverUuid });
  assert.equal(await read('made-in-memory'), 'x\n');
  assert.match(await read('machine-id'), /^[0-9a-f]{32}\n$/);
  assert.equal((await readFile(join(etc, 'hostid'))).toString('hex'), serverUuid.slice(0, 8));
});

test('programs replace files as they do anywhere, and a newer image shows where nobody did', async () => {
  const machineId = await read('machine-id');
  await writeFile(join(etc, 'nshadow'), 'root:$y$hash:2::::::\n', { mode: 0o640 });
  await rename(join(etc, 'nshadow'), join(etc, 'shadow'));
  await writeFile(join(etc, 'hostname'), 'turing\n');
  await rm(join(etc, 'gone.conf'));
  await reboot({
    passwd: 'root:x:0:0::/root:/bin/sh\nsshd:x:101:65534::/run/sshd:/sbin/nologin\n',
    shadow: 'root:*:9::::::\nsshd:!:9::::::\n',
    'tool.conf': 'of the second image\n',
    'gone.conf': 'x\n',
    'new.conf': 'x\n',
  });
  assert.equal(await read('shadow'), 'root:$y$hash:2::::::\nsshd:!:9::::::\n');
  assert.equal((await stat(join(etc, 'shadow'))).mode & 0o777, 0o640);
  assert.match(await read('passwd'), /^sshd:/m);
  assert.equal(await read('hostname'), 'turing\n');
  assert.equal(await read('tool.conf'), 'of the second image\n');
  assert.equal(await read('machine-id'), machineId);
  assert.deepEqual((await readdir(etc)).filter((name) => ['gone.conf', 'new.conf'].includes(name)), ['new.conf']);
});

test('what each boot makes anew is not kept, and what the operator adds to it is', async () => {
  await mkdir(join(etc, 'zonewright'));
  for (const name of ['zonewright/node.json', 'zonewright/head.env', 'systemd/system/zonewright-agent.service', 'systemd/system/own.service', 'ld.so.cache']) await writeFile(join(etc, name), 'old\n');
  await mkdir(join(etc, 'systemd/system/multi-user.target.wants'));
  for (const name of ['zonewright-agent.service', 'own.service']) await symlink(`../${name}`, join(etc, 'systemd/system/multi-user.target.wants', name));
  await mkdir(join(etc, 'systemd/system/zonewright-agent.service.d'));
  await writeFile(join(etc, 'systemd/system/zonewright-agent.service.d/more.conf'), 'x\n');
  await reboot({ passwd: 'root:x:0:0::/root:/bin/sh\n', shadow: 'root:*:9::::::\n' });
  assert.deepEqual(await readdir(join(etc, 'zonewright')), ['head.env']);
  assert.deepEqual((await readdir(join(etc, 'systemd/system'))).sort(), ['multi-user.target.wants', 'own.service', 'zonewright-agent.service.d']);
  assert.deepEqual(await readdir(join(etc, 'systemd/system/multi-user.target.wants')), ['own.service']);
});

test('what is kept is told from the image’s', async () => {
  const changes = await layerChanges({ upper: etcLayers(store).upper, lower: [join(system, 'image/platform/etc')], at: '/etc', except: ['/etc/systemd'] });
  const states = new Map(changes.map(({ path, state }) => [path, state]));
  assert.equal(states.get('/etc/shadow'), 'changed');
  assert.equal(states.get('/etc/hostname'), 'added');
  assert.equal(states.get('/etc/gone.conf'), 'removed');
  assert.equal(states.has('/etc/passwd'), false);
  assert.equal([...states.keys()].some((path) => path.startsWith('/etc/systemd')), false);
});

test('a copy of memory that a power cut left half done is begun anew', async () => {
  await run(['umount', etc]);
  const { upper } = etcLayers(store);
  await rm(upper, { recursive: true });
  await cp(join(system, 'image/platform/etc'), `${upper}.new`, { recursive: true });
  await mountEtc({ store, etc, system, serverUuid });
  assert.deepEqual((await readdir(upper)).sort(), ['hostid', 'machine-id']);
});
