import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onFreshHost } from './support/host.ts';

test('the quickstart ends with a running zone, and a second run reuses everything', async () => {
  const { stdout, exitCode } = await onFreshHost(`
    scripts/quickstart.sh $OPTIONS && echo SECOND && scripts/quickstart.sh $OPTIONS || exit 1
    bin/vmadm stop -F $(bin/vmadm list -H -o uuid) && echo THIRD && scripts/quickstart.sh $OPTIONS`);
  assert.equal(exitCode, 0, stdout);
  const [first = '', second = '', third = ''] = stdout.split(/SECOND\n|THIRD\n/);
  for (const run of [first, second, third]) {
    assert.match(run, /running +first-zone$/m);
    assert.match(run, /1 packets transmitted, 1 received|\d+ packets transmitted, [1-9]\d* received/);
    assert.match(run, /^PRETTY_NAME="Debian/m);
    assert.match(run, /1 root +\/sbin\/init/);
  }
  assert.match(first, /\$ bin\/vmadm create -f \.cache\/first-zone\.json/);
  assert.doesNotMatch(second, /vmadm (create|start)/);
  assert.match(third, /\$ bin\/vmadm start /);
});

test('the quickstart that is interrupted at any moment exits with 130 or 0, and is completed by the next one', async () => {
  const { stdout, stderr } = await onFreshHost(`
    for delay in 0.3 0.7 1.2 2 4 6 9 12; do
      setsid --wait timeout --foreground -s INT $delay setsid --wait bash -c 'trap "kill -INT 0" INT; exec scripts/quickstart.sh "$@"' quickstart $OPTIONS >/dev/null 2>>$host/errors
      echo "interrupted $?"
    done
    scripts/quickstart.sh $OPTIONS >$host/last || cat $host/last
    bin/vmadm list -H -o alias,state; bin/imgadm list -H -o name; ls $ZONEWRIGHT_SANDBOX/host/zones/config/journal | wc -l; grep -c 'at .*node:' $host/errors`);
  assert.match(stdout, /first-zone +running\ndebian\n0\n0\n$/, stdout + stderr);
});

test('with --machine the quickstart also starts a machine and shows its console', async () => {
  const { stdout, stderr, exitCode } = await onFreshHost('scripts/quickstart.sh --machine $OPTIONS');
  assert.equal(exitCode, 0, stdout + stderr);
  assert.match(stdout, /KVM +128 +running +first-machine$/m);
  assert.match(stdout, /tiny-vm is up/);
  assert.match(stdout, /"name": "tcg"|"name": "kvm"/);
});

/** Hosts that cannot do it: what is done to the host first, how the quickstart is called, what it says. */
const REFUSALS: ReadonlyArray<readonly [what: string, before: string, command: string, message: RegExp]> = [
  ['who is not root', '', 'setpriv --reuid 65534 --clear-groups scripts/quickstart.sh', /must run as root/],
  ['another distribution', 'rm /etc/os-release; printf "ID=fedora\\nVERSION_ID=42\\n" >/etc/os-release', 'scripts/quickstart.sh', /runs 'fedora 42'; Zonewright installs on Debian 12 and 13/],
  ['no space', 'mount -t tmpfs -o size=1g tmpfs /var/lib', 'scripts/quickstart.sh', /\/var\/lib has [01] GiB free; a first node needs 8 GiB/],
  ['neither FUSE nor a ZFS module', 'mount -t tmpfs tmpfs /dev', 'scripts/quickstart.sh', /neither a ZFS module nor FUSE/],
  ['a network that is in use', 'ip link add lan type bridge; ip address add 10.77.0.5/16 dev lan', 'scripts/quickstart.sh', /10\.77\.0\.1\/24 overlaps 10\.77\.0\.5\/16 on interface lan/],
  [
    'a pool named zones that is not ours',
    'truncate -s 1G $ZONEWRIGHT_SANDBOX/f.img; zpool create -m $ZONEWRIGHT_SANDBOX/f zones $ZONEWRIGHT_SANDBOX/f.img 2>/dev/null',
    'scripts/quickstart.sh',
    /a pool named zones that is not ours/,
  ],
];

for (const [what, before, command, message] of REFUSALS) {
  test(`the quickstart refuses ${what}, before it changes anything`, async () => {
    const { stdout, stderr } = await onFreshHost(`${before}
      look() { ls -lR /etc | grep -v ^total; ip -br link; ls -R $host; find /var/lib/zonewright 2>&1; }
      look >/run/before; ${command}; echo status $?; look >/run/after; cmp /run/before /run/after && echo unchanged`);
    assert.match(stderr, message);
    assert.equal(stdout, 'status 1\nunchanged\n');
  });
}
