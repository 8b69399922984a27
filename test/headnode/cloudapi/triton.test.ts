/** The `triton` command of npm, unmodified, as a person uses it (control-plane §7.4). */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { DISK_IMAGE, IMAGE, newKey, serve, type Serving } from './serving.ts';
import { openTriton, writeProfile, type Triton } from './triton.ts';

let serving: Serving;

before(async () => {
  serving = await serve();
});

after(async () => await serving.close());

/** A home of its own for each test, so that several run at once: the client waits most of the time. */
async function alices(): Promise<Commands & AsyncDisposable> {
  return commandsOf(await openTriton([serving.keys.ed25519], { url: serving.url, account: 'alice', keyId: serving.keys.ed25519.fingerprint }));
}

interface Commands {
  readonly triton: Triton;
  /** What a command prints; it must succeed. */
  said(...args: readonly string[]): Promise<string>;
  /** A command's JSON: one object per line for lists. */
  objects(...args: readonly string[]): Promise<ReadonlyArray<Record<string, unknown>>>;
  /** Create an instance and wait until it runs. @returns its name */
  running(name: string): Promise<string>;
  instance(name: string): Promise<Record<string, unknown>>;
}

function commandsOf(triton: Triton & AsyncDisposable): Commands & AsyncDisposable {
  const said = async (...args: readonly string[]): Promise<string> => {
    const { status, stdout, stderr } = await triton(...args);
    assert.equal(status, 0, `triton ${args.join(' ')}: ${stdout}${stderr}`);
    return stdout;
  };
  return {
    triton,
    said,
    objects: async (...args) => (await said(...args, '-j')).split('\n').filter((line) => line !== '').map((line) => JSON.parse(line)),
    async running(name) {
      await said('instance', 'create', '-w', '-n', name, 'minimal', 'small');
      return name;
    },
    instance: async (name) => JSON.parse(await said('instance', 'get', name)),
    [Symbol.asyncDispose]: async () => await triton[Symbol.asyncDispose](),
  };
}

suite('triton', { concurrency: 4 }, () => {
  test('profiles with keys of type RSA, ECDSA and Ed25519 each get their account', async () => {
    await using commands = commandsOf(await openTriton(Object.values(serving.keys)));
    for (const [type, { fingerprint }] of Object.entries(serving.keys)) {
      const file = await writeProfile(commands.triton, { name: type, url: serving.url, account: 'alice', keyId: fingerprint });
      await commands.said('profile', 'create', '--no-docker', '-y', '-f', file);
      const [account] = await commands.objects('-p', type, 'account', 'get');
      assert.deepEqual([account?.['id'], account?.['login'], account?.['email'], account?.['firstName']], [serving.alice.uuid, 'alice', 'alice@example.com', 'Alice']);
    }
    assert.deepEqual((await commands.objects('profile', 'list')).map(({ name }) => name).sort(), ['ecdsa', 'ed25519', 'rsa']);
  });

  test('keys are listed, added and deleted', async () => {
    const [own, added] = [newKey('ecdsa'), newKey('ed25519')];
    const { uuid } = await serving.accounts.add({ login: 'keeper', email: 'keeper@example.com' });
    await serving.accounts.addKey(uuid, { name: 'own', key: own.publicText });
    await using commands = commandsOf(await openTriton([own], { url: serving.url, account: 'keeper', keyId: own.fingerprint }));
    const names = async (): Promise<unknown[]> => (await commands.objects('key', 'list')).map(({ name }) => name).sort();
    const file = join(commands.triton.home, 'new.pub');
    await writeFile(file, added.publicText);
    await commands.said('key', 'add', '-n', 'new one', file);
    assert.deepEqual(await names(), ['new one', 'own']);
    assert.match(await commands.said('key', 'get', added.fingerprint), /^ssh-ed25519 /);
    await commands.said('key', 'delete', '-y', 'new one');
    assert.deepEqual(await names(), ['own']);
  });

  test('images, packages, networks, data centres and services are listed, and got by name', async () => {
    await using commands = await alices();
    const { said, objects } = commands;
    assert.deepEqual((await objects('image', 'list')).map(({ id, name, os }) => [id, name, os]), [[IMAGE, 'minimal', 'linux'], [DISK_IMAGE, 'disk', 'linux']]);
    assert.equal((await objects('image', 'get', 'minimal'))[0]?.['id'], IMAGE);
    assert.deepEqual((await objects('package', 'list')).map(({ name, memory, disk }) => [name, memory, disk]), [['large', 1024, 20_480], ['small', 256, 10_240]]);
    assert.equal((await objects('package', 'get', 'large'))[0]?.['vcpus'], 2);
    assert.deepEqual((await objects('network', 'list')).map(({ id, name }) => [id, name]), [[serving.network, 'external']]);
    assert.deepEqual(await objects('network', 'get', 'external'), [{ id: serving.network, name: 'external', public: true, fabric: false }]);
    assert.match(await said('datacenters'), /here +https:\/\/cloudapi\.example\.com/);
    assert.match(await said('services'), /cloudapi +https:\/\/cloudapi\.example\.com/);
  });

  test('an instance is created with tags and metadata, and waited for until it runs', async () => {
    await using commands = await alices();
    const { said, objects, instance } = commands;
    await said('instance', 'create', '-w', '-n', 'web', '-t', 'role=db', '-m', 'greeting=hello', '-N', 'external', 'minimal', 'small');
    const web = await instance('web');
    assert.deepEqual([web['state'], web['type'], web['image'], web['package'], web['tags'], web['networks']], ['running', 'smartmachine', IMAGE, 'small', { role: 'db' }, [serving.network]]);
    const metadata = web['metadata'] as Record<string, string>;
    assert.equal(metadata['greeting'], 'hello');
    assert.deepEqual(metadata['root_authorized_keys']?.trim().split('\n').map((line) => line.split(' ')[0]).sort(), ['ecdsa-sha2-nistp256', 'ssh-ed25519', 'ssh-rsa']);
    assert.ok((await objects('instance', 'list')).some(({ name, state, primaryIp }) => name === 'web' && state === 'running' && String(primaryIp).startsWith('10.66.0.')));
  });

  test('an image of a disk makes a machine with that disk and one of its package\'s size', async () => {
    await using commands = await alices();
    const { said, instance, objects } = commands;
    await said('instance', 'create', '-w', '-n', 'iron', 'disk', 'large');
    const iron = await instance('iron');
    assert.deepEqual([iron['state'], iron['type'], iron['brand'], iron['image'], iron['memory']], ['running', 'virtualmachine', 'kvm', DISK_IMAGE, 1024]);
    const [first, second] = await objects('instance', 'disk', 'list', 'iron');
    assert.deepEqual([first?.['image'], first?.['boot'], second?.['size'], second?.['boot']], [DISK_IMAGE, true, 20_480, false]);
  });

  test('an instance is stopped, started and rebooted, each waited for', async () => {
    await using commands = await alices();
    const { said, running, instance } = commands;
    const name = await running('cycle');
    await said('instance', 'stop', '-w', name);
    assert.equal((await instance(name))['state'], 'stopped');
    await said('instance', 'start', '-w', name);
    assert.equal((await instance(name))['state'], 'running');
    assert.match(await said('instance', 'reboot', '-w', name), /Rebooted instance cycle/);
  });

  test('an instance is renamed and resized', async () => {
    await using commands = await alices();
    const { said, running, instance } = commands;
    await running('before');
    await said('instance', 'rename', '-w', 'before', 'after');
    await said('instance', 'resize', '-w', 'after', 'large');
    assert.equal((await instance('after'))['package'], 'large');
  });

  test('tags are set, replaced, got and deleted, each waited for', async () => {
    await using commands = await alices();
    const { triton, said, running } = commands;
    const name = await running('tagged');
    await said('instance', 'tag', 'set', '-w', name, 'a=b', 'n=5', 'yes=true');
    assert.deepEqual(JSON.parse(await said('instance', 'tag', 'list', name)), { a: 'b', n: 5, yes: true });
    assert.equal((await said('instance', 'tag', 'get', name, 'a')).trim(), 'b');
    await said('instance', 'tag', 'replace-all', '-w', name, 'c=d', 'e=f');
    await said('instance', 'tag', 'delete', '-w', name, 'c');
    assert.deepEqual(JSON.parse(await said('instance', 'tag', 'list', name)), { e: 'f' });
    assert.notEqual((await triton('instance', 'tag', 'get', name, 'nonesuch')).status, 0);
    await said('instance', 'tag', 'delete', '-w', '-a', name);
    assert.deepEqual(JSON.parse(await said('instance', 'tag', 'list', name)), {});
  });

  test('metadata is set, got and deleted, each waited for', async () => {
    await using commands = await alices();
    const { said, running } = commands;
    const name = await running('described');
    await said('instance', 'metadata', 'set', '-w', name, 'colour=red');
    assert.equal((await said('instance', 'metadata', 'get', name, 'colour')).trim(), 'red');
    await said('instance', 'metadata', 'delete', '-w', '-f', name, 'colour');
    assert.equal(JSON.parse(await said('instance', 'metadata', 'list', name))['colour'], undefined);
  });

  test('what was done to an instance is in its audit by the names that clients wait for', async () => {
    await using commands = await alices();
    const { said, objects, running } = commands;
    const name = await running('audited');
    await said('instance', 'stop', '-w', name);
    await said('instance', 'tag', 'set', '-w', name, 'a=b');
    await said('instance', 'rename', '-w', name, 'audited2');
    const entries = await objects('instance', 'audit', 'audited2');
    assert.deepEqual(entries.map(({ action, success, caller }) => [action, success, (caller as { type: string }).type]).sort(), [
      ['provision', 'yes', 'signature'],
      ['rename', 'yes', 'signature'],
      ['set_tags', 'yes', 'signature'],
      ['stop', 'yes', 'signature'],
    ]);
  });

  test('a nic is added and removed', async () => {
    await using commands = await alices();
    const { said, objects, running, instance } = commands;
    const name = await running('wired');
    await said('instance', 'nic', 'create', '-w', name, 'external');
    const nics = await objects('instance', 'nic', 'list', name);
    assert.equal(nics.length, 2);
    await said('instance', 'nic', 'delete', '-f', name, String(nics[1]?.['mac']));
    await serving.head.jobs.wait((await serving.head.jobs.list({ vmUuid: String((await instance(name))['id']) })).find((job) => job.name === 'remove_nics')?.uuid ?? '', 300);
    assert.deepEqual((await objects('instance', 'nic', 'list', name)).map(({ mac }) => mac), [nics[0]?.['mac']]);
  });

  test('an instance that is protected is not deleted until it is not', async () => {
    await using commands = await alices();
    const { triton, said, running, instance } = commands;
    const name = await running('precious');
    await said('instance', 'enable-deletion-protection', '-w', name);
    const refused = await triton('instance', 'delete', '-f', '-w', name);
    assert.notEqual(refused.status, 0);
    assert.match(refused.stdout + refused.stderr, /protected against deletion/);
    assert.equal((await instance(name))['state'], 'running');
    await said('instance', 'disable-deletion-protection', '-w', name);
    await said('instance', 'delete', '-f', '-w', name);
  });

  test('an instance that was deleted is gone from the list; asked for by id it is shown with exit status 3', async () => {
    await using commands = await alices();
    const { triton, said, objects, running, instance } = commands;
    const { id } = await instance(await running('doomed'));
    await said('instance', 'delete', '-f', '-w', 'doomed');
    assert.ok(!(await objects('instance', 'list')).some((listed) => listed['id'] === id));
    const deleted = await triton('instance', 'get', String(id));
    assert.equal(deleted.status, 3);
    assert.deepEqual([JSON.parse(deleted.stdout)['id'], JSON.parse(deleted.stdout)['state']], [id, 'deleted']);
    assert.match(deleted.stderr, /InstanceDeleted/);
  });

  test('an instance that never was has exit status 3, by name and by id', async () => {
    await using commands = await alices();
    const { triton } = commands;
    for (const name of ['nonesuch', randomUUID()]) assert.equal((await triton('instance', 'get', name)).status, 3);
  });

  test('what is not there yet says so', async () => {
    await using commands = await alices();
    const { triton, objects, running } = commands;
    const name = await running('plain');
    for (const args of [['instance', 'snapshot', 'create', '-n', 'one', name], ['instance', 'enable-firewall', name], ['fwrule', 'list'], ['volume', 'list']]) {
      const { status, stdout, stderr } = await triton(...args);
      assert.notEqual(status, 0);
      assert.match(stdout + stderr, /is not supported yet/);
    }
    assert.deepEqual(await objects('instance', 'snapshot', 'list', name), []);
    assert.deepEqual(await objects('instance', 'disk', 'list', name), []);
  });

  test('more instances than fit on a page are all listed, once each', async () => {
    const { uuid } = serving.bob;
    const made = new Set(await Promise.all(Array.from({ length: 1003 }, (_, index) => serving.put({ owner_uuid: uuid, alias: `many-${index}` }))));
    await using commands = commandsOf(await openTriton([serving.bobsKey], { url: serving.url, account: 'bob', keyId: serving.bobsKey.fingerprint }));
    const listed = (await commands.objects('instance', 'list')).map(({ id }) => String(id));
    assert.equal(listed.length, 1003);
    assert.deepEqual(new Set(listed), made);
  });
});
