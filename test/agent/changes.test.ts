import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changesBetween } from '../../agent/events/changes.ts';
import type { VmObject } from '../../vmadm/engine.ts';

const vm = (more: Readonly<Record<string, unknown>>): VmObject => ({ uuid: 'u', brand: 'lx', state: 'stopped', zone_state: 'installed', ...more });

/** Two states and the lines that `vmadm events` makes of their difference. */
const CASES: ReadonlyArray<readonly [what: string, before: Record<string, unknown>, after: Record<string, unknown>, lines: readonly string[]]> = [
  ['nothing', { quota: 1 }, { quota: 1 }, []],
  ['a value', { quota: 1 }, { quota: 2 }, ['quota changed 1 2']],
  ['a new property', {}, { pid: 7 }, ['pid added undefined 7']],
  ['a property that went', { pid: 7 }, {}, ['pid removed 7 undefined']],
  ['a tag', { tags: { a: 1, b: 2 } }, { tags: { b: 3, c: 4 } }, ['tags.a removed 1 undefined', 'tags.b changed 2 3', 'tags.c added undefined 4']],
  ['a set', { resolvers: ['1.1.1.1', '8.8.8.8'] }, { resolvers: ['8.8.8.8', '9.9.9.9'] }, ['resolvers.* removed "1.1.1.1" undefined', 'resolvers.* added undefined "9.9.9.9"']],
  ['a nic by its mac', { nics: [{ mac: 'a', ip: '1' }] }, { nics: [{ mac: 'b', ip: '9' }, { mac: 'a', ip: '2' }] }, ['nics.*.ip changed "1" "2"', 'nics.* added undefined {"mac":"b","ip":"9"}']],
  ['a disk by its path', { disks: [{ path: '/a', size: 1 }, { path: '/b', size: 1 }] }, { disks: [{ path: '/b', size: 2 }] }, ['disks.*.size changed 1 2', 'disks.* removed {"path":"/a","size":1} undefined']],
  ['a hostile name', { tags: {} }, { tags: JSON.parse('{"__proto__": 1}') as Record<string, unknown> }, ['tags.__proto__ added undefined 1']],
];

for (const [what, before, after, lines] of CASES) {
  test(`changes of ${what}`, () => {
    const json = (value: unknown): string => (value === undefined ? 'undefined' : JSON.stringify(value));
    const changes = changesBetween(vm(before), vm(after));
    assert.deepEqual(changes.map(({ prettyPath, action, oldValue, newValue }) => `${prettyPath} ${action} ${json(oldValue)} ${json(newValue)}`), lines);
  });
}

test('a position in an array is null in the path, and the element is named', () => {
  const [change] = changesBetween(vm({ nics: [{ mac: 'a', ip: '1' }] }), vm({ nics: [{ mac: 'a', ip: '2' }] }));
  assert.deepEqual([change?.path, change?.ident], [['nics', null, 'ip'], 'a']);
});
