import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capacityOf, proposeLayout } from '../../../node/disks/propose.ts';
import { disk, GIB } from './disks.ts';

const named = (...names: string[]) => names.map((name) => disk(name, 100));

/** How many equal disks, and what is made of them. */
const LAYOUTS = [
  [1, 'single', 100],
  [2, 'mirror', 100],
  [3, 'raidz1', 200],
  [5, 'raidz1', 400],
  [6, 'raidz2', 400],
  [12, 'raidz2', 1000],
] as const;

for (const [count, layout, gibibytes] of LAYOUTS) {
  test(`${count} equal disks are proposed as ${layout}`, () => {
    const disks = Array.from({ length: count }, (_, index) => disk(`sd${String.fromCharCode(97 + index)}`, 100));
    const proposal = proposeLayout(disks);
    assert.equal(proposal?.layout, layout);
    assert.deepEqual(proposal?.disks, disks);
    assert.equal(capacityOf(layout, disks), gibibytes * GIB);
  });
}

test('no disk gives no proposal', () => {
  assert.equal(proposeLayout([]), undefined);
  assert.equal(proposeLayout([disk('sda', 100, { obstacle: 'it is mounted at /' })]), undefined);
});

test('of unequal disks the group with the most room is taken, and the others are left out with the reason', () => {
  const proposal = proposeLayout([disk('sda', 60), disk('sdb', 1000), disk('sdc', 1005), disk('sdd', 1000, { rotational: true })]);
  assert.deepEqual([proposal?.layout, proposal?.disks.map(({ path }) => path)], ['mirror', ['/dev/sdb', '/dev/sdc']]);
  assert.deepEqual(proposal?.leftOut.map(({ disk: { path }, reason }) => [path, reason]), [
    ['/dev/sda', 'it is not of the size and kind of the others'],
    ['/dev/sdd', 'it is not of the size and kind of the others'],
  ]);
});

test('disks that differ by more than a little are no group', () => {
  assert.deepEqual(proposeLayout([disk('sda', 100), disk('sdb', 103)])?.disks.map(({ path }) => path), ['/dev/sdb']);
});

/** What is never taken without being asked for by name. */
const PASSED_OVER = [
  ['in use', { obstacle: 'it is in use' }, /in use/],
  ['on USB', { transport: 'usb' }, /pulled out/],
  ['removable', { removable: true }, /pulled out/],
  ['a loop device', { transport: 'loop' }, /file of another disk/],
] as const;

for (const [what, facts, reason] of PASSED_OVER) {
  test(`a disk that is ${what} is passed over`, () => {
    const proposal = proposeLayout([...named('sda', 'sdb'), disk('sdc', 100, facts)]);
    assert.deepEqual(proposal?.disks.map(({ path }) => path), ['/dev/sda', '/dev/sdb']);
    assert.match(proposal?.leftOut[0]?.reason ?? '', reason);
  });
}
