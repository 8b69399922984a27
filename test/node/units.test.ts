import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NODE_UNIT, unitTexts, ZFS_UNIT } from '../../node/setup/systemd.ts';

const PROGRAM = '/opt/zonewright/bin/zonewright';

test('where ZFS is a daemon, a unit keeps it alive and the node follows it', () => {
  const units = unitTexts(PROGRAM, { LD_PRELOAD: '/var/cache/zonewright/x.so' });
  assert.deepEqual([...units.keys()], [ZFS_UNIT, NODE_UNIT]);
  assert.match(units.get(ZFS_UNIT) ?? '', /^ExecStart=\/usr\/sbin\/zfs-fuse .*--no-daemon$/m);
  assert.match(units.get(ZFS_UNIT) ?? '', /^Restart=always$/m);
  assert.match(units.get(NODE_UNIT) ?? '', /^PartOf=zonewright-zfs\.service$/m);
});

test('where ZFS is a module, there is only the unit that brings the node back', () => {
  const units = unitTexts(PROGRAM, undefined);
  assert.deepEqual([...units.keys()], [NODE_UNIT]);
  assert.match(units.get(NODE_UNIT) ?? '', /^ExecStart="\/opt\/zonewright\/bin\/zonewright" setup$/m);
  assert.doesNotMatch(units.get(NODE_UNIT) ?? '', /zonewright-zfs/);
});

for (const program of ['/a b/zonewright', '/a%n/zonewright', '/a"/zonewright', '/a\nExecStart=/bin/evil', '/a$HOME/x', '/a;b']) {
  test(`a unit cannot name ${JSON.stringify(program)}`, () => {
    assert.throws(() => unitTexts(program, undefined), /cannot name/);
  });
}
