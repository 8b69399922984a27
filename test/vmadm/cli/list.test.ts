import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VmObject } from '../../../vmadm/engine.ts';
import { formatTable, parseFields, parseSort } from '../../../vmadm/table/table.ts';
import { fakeEngine } from '../../support/fake-engine.ts';
import { BHYVE, recordOf, ZONE } from '../payload/prepare.ts';
import { vmadm } from './run.ts';

const [A, B, C] = ['a', 'b', 'c'].map((digit) => `${digit.repeat(8)}-0000-4000-8000-000000000000`) as [string, string, string];
const NIC = { nic_tag: 'admin', ip: '10.0.0.5', netmask: '255.255.255.0', mac: '02:08:00:0a:00:01' };

async function threeVms() {
  return fakeEngine([
    await recordOf(ZONE, { uuid: B, alias: 'web', ram: 512, tags: { role: 'front', 'a.b': 1 } }),
    await recordOf(ZONE, { uuid: A, ram: 512, nics: [NIC, { nic_tag: 'admin', ip: 'dhcp' }] }),
    await recordOf(BHYVE, { uuid: C, alias: 'Db', ram: 128 }),
  ]);
}

async function list(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await vmadm(['list', ...args], { engine: await threeVms() });
  assert.deepEqual([status, stderr], [0, '']);
  return stdout;
}

async function refusal(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await vmadm(args, { engine: await threeVms() });
  assert.deepEqual([status, stdout], [1, '']);
  return stderr;
}

test('list shows uuid, type, ram, state and alias, by ram and uuid', async () => {
  assert.equal(
    await list(),
    [
      'UUID                                  TYPE  RAM      STATE             ALIAS',
      `${C}  BHYV  128      stopped           Db`,
      `${A}  OS    512      stopped           -`,
      `${B}  OS    512      stopped           web`,
      '',
    ].join('\n'),
  );
});

test('-H leaves the header out, -p joins fields by colons, -h brings the header back', async () => {
  assert.equal(await list('-H', '-o', 'alias,ram', '-s', 'alias'), 'Db          128\nweb         512\n-           512\n');
  assert.equal(await list('-p', '-o', 'alias,ram', '-s', 'alias'), 'Db:128\nweb:512\n:512\n');
  assert.equal(await list('-p', '-h', '-o', 'alias,nics.0.ip', 'alias=web'), 'ALIAS:NICS.0.IP\nweb:\n');
  assert.equal(await list('-pH', '-o', 'uuid', 'alias=web'), `${B}\n`);
});

test('a sort field may go down, and what is missing comes last going up', async () => {
  assert.equal(await list('-p', '-o', 'ram', '-s', '-ram'), '512\n512\n128\n');
  assert.equal(await list('-p', '-o', 'uuid', '-s', '-ram,+uuid'), `${A}\n${B}\n${C}\n`);
  assert.equal(await list('-p', '-o', 'alias', '-s', 'alias'), 'Db\nweb\n\n');
  assert.equal(await list('-p', '-o', 'alias', '-s', '-alias'), '\nweb\nDb\n');
});

test('nested fields are shown, with their name in capitals', async () => {
  assert.equal(await list('-o', 'nics.0.ip,tags.role', '-s', 'uuid'), 'NICS.0.IP             TAGS.ROLE\n10.0.0.5              -\n-                     front\n-                     -\n');
  assert.equal(await list('-p', '-o', 'tags.a.b', 'alias=web'), '1\n');
});

test('a long value overflows its column', () => {
  const vm = { uuid: A, brand: 'lx', state: 'stopped', zone_state: 'installed', alias: 'x'.repeat(15), quota: 0 } as VmObject;
  assert.equal(formatTable([vm], { fields: ['alias', 'quota'], sort: [], parsable: false, header: false }), 'xxxxxxxxxxxxxxx  0\n');
});

test('a control character in a tag does not reach the terminal', () => {
  const vm = { uuid: A, brand: 'lx', state: 'stopped', zone_state: 'installed', tags: { x: '\u001b[2Ja\nb' } } as VmObject;
  assert.equal(formatTable([vm], { fields: ['tags.x'], sort: [], parsable: false, header: false }), '?[2Ja?b\n');
});

const FILTERS: ReadonlyArray<readonly [filter: string, uuids: readonly string[]]> = [
  ['alias=web', [B]],
  ['alias=WEB', []],
  ['alias=~^WE', [B]],
  ['alias=~b', [B, C]],
  ['ram=512', [B, A]],
  ['type=BHYV', [C]],
  ['type=BHYVE', [C]],
  ['type=OS', [B, A]],
  ['hvm=true', [C]],
  ['hvm=false', [B, A]],
  ['nics.*.ip=10.0.0.5', [A]],
  ['nics.*.ip=dhcp', [A]],
  ['nics.1.ip=dhcp', [A]],
  ['nics.0.ip=dhcp', []],
  ['nics.*.mac=2:8:0:a:0:1', [A]],
  ['nics.*.mac=02:08:00:0A:00:01', [A]],
  ['tags.role=front', [B]],
  ['tags.a.b=1', [B]],
  ['tags.constructor=~.', []],
  ['alias=', []],
  ['alias', []],
  ['autoboot=false', [B, A, C]],
];

for (const [filter, uuids] of FILTERS) {
  test(`lookup ${filter} finds ${uuids.length}`, async () => {
    const { status, stdout, stderr } = await vmadm(['lookup', filter], { engine: await threeVms() });
    assert.deepEqual([status, stdout, stderr], [0, uuids.map((uuid) => `${uuid}\n`).join(''), '']);
  });
}

test('filters are all to be met', async () => {
  assert.equal(await list('-p', '-o', 'uuid', 'ram=512', 'alias=web'), `${B}\n`);
  assert.equal(await list('-p', 'ram=512', 'alias=Db'), '');
});

test('what cannot be listed, sorted or looked up by is named', async () => {
  assert.equal(await refusal('list', 'foo=1'), 'Invalid filter key: "foo"\n');
  assert.equal(await refusal('list', A), `Invalid filter key: "${A}"\n`);
  assert.equal(await refusal('list', 'constructor=1'), 'Invalid filter key: "constructor"\n');
  assert.equal(await refusal('lookup', 'foo=1'), 'Invalid lookup key: "foo"\n');
  assert.equal(await refusal('lookup', 'nics.*.mtu=1'), 'Invalid lookup key: "nics.*.mtu"\n');
  assert.equal(await refusal('list', '-o', 'nics.*.ip'), 'Invalid order key: "nics.*.ip"\n');
  assert.equal(await refusal('list', '-s', 'disks.*.size'), 'Invalid sort key: "disks.*.size"\n');
  assert.equal(await refusal('list', '-o', 'uuid,foo'), 'invalid order field: foo\n');
  assert.equal(await refusal('list', '-s', '-foo'), 'invalid sort field: foo\n');
  assert.match(await refusal('list', 'alias=~('), /^Invalid regular expression for "alias": /);
  assert.throws(() => parseFields(''), { message: 'invalid order field: ' });
  assert.throws(() => parseSort('toString'), { message: 'invalid sort field: toString' });
});

test('lookup -j prints whole objects, with -o only some fields, and [] when there are none', async () => {
  const json = async (...args: string[]): Promise<unknown> => JSON.parse((await vmadm(['lookup', '-j', ...args], { engine: await threeVms() })).stdout);
  assert.equal(((await json('alias=web')) as Array<{ quota: number }>)[0]?.quota, 10);
  assert.deepEqual(await json('-o', 'uuid,alias', 'ram=512'), [{ uuid: B, alias: 'web' }, { uuid: A }]);
  assert.deepEqual(await json('uuid=00000000-1111-4222-8333-444444444444'), []);
  assert.equal(((await json()) as unknown[]).length, 3);
});

test('lookup -o is for -j only', async () => {
  assert.equal(await refusal('lookup', '-o', 'uuid'), 'Cannot specify -o without -j\n');
});

test('lookup -1 wants exactly one', async () => {
  const one = await vmadm(['lookup', '-1', 'alias=web'], { engine: await threeVms() });
  assert.deepEqual([one.status, one.stdout], [0, `${B}\n`]);
  assert.equal(await refusal('lookup', '-1', 'alias=nobody'), 'Requested unique lookup but found 0 results.\n');
  assert.equal(await refusal('lookup', '-1', 'ram=512'), 'Requested unique lookup but found 2 results.\n');
});
