/** The command lines of update, start with boot options, sysrq, plan and validate. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeEngine, type FakeEngine } from '../../support/fake-engine.ts';
import { recordOf, ZONE } from '../payload/prepare.ts';
import { vmadm } from './run.ts';

async function withZone(): Promise<{ readonly engine: FakeEngine; readonly uuid: string }> {
  const record = await recordOf(ZONE);
  return { engine: fakeEngine([record]), uuid: record.uuid };
}

async function get(engine: FakeEngine, uuid: string): Promise<Record<string, unknown>> {
  return JSON.parse((await vmadm(['get', uuid], { engine })).stdout) as Record<string, unknown>;
}

test('update takes words, split at their first equals sign, as text', async () => {
  const { engine, uuid } = await withZone();
  const { status, stdout, stderr } = await vmadm(['update', uuid, 'quota=20', 'alias=a=b', 'cpu_cap=150'], { engine });
  assert.deepEqual([status, stdout, stderr], [0, '', `Successfully updated VM ${uuid}\n`]);
  const vm = await get(engine, uuid);
  assert.deepEqual([vm['quota'], vm['alias'], vm['cpu_cap']], [20, 'a=b', 150]);
  assert.equal((await vmadm(['update', uuid, 'alias'], { engine })).status, 0);
  assert.equal('alias' in (await get(engine, uuid)), false);
});

test('update reads a payload from stdin, but not what somebody types', async () => {
  const { engine, uuid } = await withZone();
  assert.equal((await vmadm(['update', uuid], { engine, stdin: '{"set_tags": {"role": "db"}}' })).status, 0);
  assert.deepEqual((await get(engine, uuid))['tags'], { role: 'db' });
  const { status, stderr } = await vmadm(['update', uuid], { engine, terminals: ['stdin'] });
  assert.equal(status, 2);
  assert.match(stderr, /^Will not update from stdin when stdin is a tty\.\nUsage: /);
});

test('update tells people what waits for a reboot and what was dropped, after the line that programs read', async () => {
  const { engine, uuid } = await withZone();
  await engine.start(uuid);
  const stdin = '{"hostname": "web", "quota": 3, "tags": {}}';
  assert.equal((await vmadm(['update', uuid], { engine, stdin })).stderr, `Successfully updated VM ${uuid}\n`);
  const { stderr } = await vmadm(['update', uuid], { engine, stdin: '{"hostname": "web2", "quota": 4, "tags": {}}', options: { environment: { VMADM_WARN: '1' } } });
  const [success, pending, warning, ...rest] = stderr.trimEnd().split('\n');
  assert.deepEqual([success, pending, rest], [`Successfully updated VM ${uuid}`, 'pending: reboot required for hostname', []]);
  assert.match(warning ?? '', /^warning: tags: /);
});

test('update says what is wrong with a value, and which instance there is not', async () => {
  const { engine, uuid } = await withZone();
  const bad = await vmadm(['update', uuid, 'quota=none'], { engine });
  assert.deepEqual([bad.status, bad.stderr], [1, 'Invalid value(s) for: quota\n']);
  const other = '99999999-9999-4999-8999-999999999999';
  const missing = await vmadm(['update', other, 'quota=1'], { engine });
  assert.deepEqual([missing.status, missing.stderr], [1, `zoneadm: ${other}: No such zone configured\n`]);
  assert.match((await vmadm(['update', 'nonsense'], { engine })).stderr, /^Invalid or missing UUID for update\nUsage: /);
});

test('start hands on what to boot from, and refuses what no machine boots from', async () => {
  const { engine, uuid } = await withZone();
  assert.equal((await vmadm(['start', uuid, 'order=cd,once=d', 'cdrom=/a.iso,ide', 'disk=/b=c.img,virtio'], { engine })).status, 0);
  assert.deepEqual(engine.calls, [`start ${JSON.stringify({ order: 'cd,once=d', extra: [{ path: '/a.iso', model: 'ide', media: 'cdrom' }, { path: '/b=c.img', model: 'virtio', media: 'disk' }] })}`]);
  for (const [word, problem] of [
    ['order=cd order=c', "You can only specify 'order' once when starting a VM"],
    ['order=z9', 'Invalid boot order: "z9"'],
    ['order=', 'Invalid boot order: ""'],
    ['cdrom=/a.iso', 'Parameter to cdrom must be: path,model'],
    ['disk=/a,b,c', 'Parameter to disk must be: path,model'],
    ['once=d', 'Invalid argument to start: once'],
  ] as const) {
    const { status, stderr } = await vmadm(['start', uuid, ...word.split(' ')], { engine });
    assert.deepEqual([status, stderr.split('\n')[0]], [2, problem]);
  }
});

test('sysrq takes two words, also by the name that a client of SmartOS has for it', async () => {
  const { engine, uuid } = await withZone();
  await engine.start(uuid);
  assert.equal((await vmadm(['sysrq', uuid, 'nmi'], { engine })).stderr, `Sent NMI to VM ${uuid}\n`);
  assert.equal((await vmadm(['sysreq', uuid, 'screenshot'], { engine })).stderr, `Sent screenshot sysrq to VM ${uuid}\n`);
  assert.deepEqual(engine.calls, ['sysrq nmi', 'sysrq screenshot']);
  const { status, stderr } = await vmadm(['sysrq', uuid, 'reset'], { engine });
  assert.equal(status, 2);
  assert.match(stderr, /^Invalid sysrq type: reset\nUsage: /);
});

test('plan update prints steps and asks for no change', async () => {
  const { engine, uuid } = await withZone();
  const { stdout, status } = await vmadm(['plan', 'update', uuid, 'quota=3'], { engine });
  assert.deepEqual([status, stdout, engine.calls], [0, 'record the new properties\n', ['planUpdate {"quota":"3"}']]);
});

test('validate asks the engine, which knows the node', async () => {
  const { engine } = await withZone();
  const asked: string[] = [];
  const watched = { ...engine, validate: (...args: Parameters<FakeEngine['validate']>) => (asked.push(`${args[0]} ${args[1]}`), engine.validate(...args)) };
  assert.equal((await vmadm(['validate', 'update', 'lx'], { engine: watched, stdin: '{"quota": 3}' })).stderr, "VALID 'update' payload for lx brand VMs.\n");
  assert.deepEqual(asked, ['update lx']);
});

test('list asks for no more than it shows, sorts and filters by', async () => {
  const { engine } = await withZone();
  const asked: unknown[] = [];
  const watched = { ...engine, list: (fields?: readonly string[]) => (asked.push(fields && [...new Set(fields)].sort()), engine.list(fields)) };
  await vmadm(['list', '-o', 'uuid,nics.0.ip', '-s', 'alias', 'tags.role=db'], { engine: watched });
  await vmadm(['lookup', 'alias=x'], { engine: watched });
  await vmadm(['lookup', '-j', '-o', 'pid', 'ram=1'], { engine: watched });
  await vmadm(['lookup', '-j'], { engine: watched });
  assert.deepEqual(asked, [['alias', 'nics', 'tags', 'uuid'], ['alias'], ['max_physical_memory', 'pid', 'ram'], undefined]);
});
