import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AGENT_UNIT, GOING_DOWN_UNIT, NODE_UNIT, unitTexts, ZFS_UNIT } from '../../node/setup/systemd.ts';

const PROGRAM = '/opt/zonewright/bin/zonewright';

test('where ZFS is a daemon, a unit keeps it alive and the node follows it', () => {
  const units = unitTexts(PROGRAM, { LD_PRELOAD: '/var/cache/zonewright/x.so' });
  assert.deepEqual([...units.keys()], [ZFS_UNIT, NODE_UNIT, AGENT_UNIT, GOING_DOWN_UNIT]);
  assert.match(units.get(ZFS_UNIT) ?? '', /^ExecStart=\/usr\/sbin\/zfs-fuse .*--no-daemon$/m);
  assert.match(units.get(ZFS_UNIT) ?? '', /^Restart=always$/m);
  assert.match(units.get(NODE_UNIT) ?? '', /^PartOf=zonewright-zfs\.service$/m);
});

test('where ZFS is a module, there are only the units of the node and its agent, with the same text', () => {
  const units = unitTexts(PROGRAM, undefined);
  assert.deepEqual([...units.keys()], [NODE_UNIT, AGENT_UNIT, GOING_DOWN_UNIT]);
  assert.match(units.get(NODE_UNIT) ?? '', /^ExecStart=\/bin\/sh -c 'rm \/run\/zonewright\/set-up-just-now 2>\/dev\/null \|\| exec "\/opt\/zonewright\/bin\/zonewright" setup'$/m);
  assert.doesNotMatch(units.get(NODE_UNIT) ?? '', /^(Wants|Requires)=zonewright-zfs/m);
  assert.equal(units.get(NODE_UNIT), unitTexts(PROGRAM, {}).get(NODE_UNIT));
});

for (const program of ['/a b/zonewright', '/a%n/zonewright', '/a"/zonewright', '/a\nExecStart=/bin/evil', '/a$HOME/x', '/a;b']) {
  test(`a unit cannot name ${JSON.stringify(program)}`, () => {
    assert.throws(() => unitTexts(program, undefined), /cannot name/);
  });
}

test('the agent follows the node, comes back when it dies, and takes no zone along when it ends', () => {
  const unit = unitTexts(PROGRAM, undefined).get(AGENT_UNIT) ?? '';
  assert.match(unit, /^ExecStart="\/opt\/zonewright\/bin\/zonewright" agent --stay$/m);
  assert.match(unit, /^Restart=always$/m);
  assert.match(unit, /^KillMode=process$/m);
  assert.match(unit, /^PartOf=zonewright-node\.service$/m);
});

test('guests are shut down while agent, node and network are still there', () => {
  const unit = unitTexts(PROGRAM, undefined).get(GOING_DOWN_UNIT) ?? '';
  assert.match(unit, /^After=.*network\.target .*zonewright-node\.service zonewright-agent\.service$/m);
  assert.match(unit, /^RemainAfterExit=yes$/m);
  assert.match(unit, /^ExecStop=-"\/opt\/zonewright\/bin\/zonewright" platform going-down$/m);
});
