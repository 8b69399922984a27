import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onFreshHost } from './support/host.ts';

test('setup makes a node of a fresh host, and doing it again changes nothing', async () => {
  const { stdout, exitCode } = await onFreshHost(`
    $SETUP && cp $ZONEWRIGHT_NODE $host/first.json
    echo AGAIN; bin/zonewright setup; echo status $?
    cmp $host/first.json $ZONEWRIGHT_NODE && echo same configuration
    zfs list -H -o name | tr '\\n' ' '
    zfs get -H -o value zonewright:node,atime,devices,setuid zones | tr '\\n' ' '
    stat -c %a $host/zones $host/zones/config
    bin/nictagadm list -p; bin/zonewright doctor >/dev/null; echo doctor $?`);
  assert.equal(exitCode, 0);
  const [first = '', again = ''] = stdout.split('AGAIN\n');
  assert.match(first, /^done +pool +zones made in/m);
  const lines = again.split('\n').slice(0, again.split('\n').indexOf('status 0'));
  assert.equal(lines.length, 10);
  for (const line of lines) assert.match(line, /^ok /);
  assert.match(again, /same configuration/);
  assert.match(again, /^zones zones\/config zones\/cores zones\/opt zones\/var /m);
  assert.match(again, /[0-9a-f-]{36} off off on /);
  assert.match(again, /711\n700\n/);
  assert.match(again, /^admin:-:zwadmin:etherstub$/m);
  assert.match(again, /^doctor 0$/m);
});

test('setup brings daemon, pool and bridge back after they are gone, with everything in the pool', async () => {
  const { stdout } = await onFreshHost(`
    $SETUP >/dev/null && bin/nictagadm add -l backend && echo kept >$host/zones/opt/file
    zpool export zones # as a shutdown does
    kill -9 $(pidof zfs-fuse); ip link delete zwadmin; ip link delete zwbackend; rm -rf $host/run
    bin/zonewright setup; echo status $?
    cat $host/zones/opt/file; cat /sys/class/net/zwbackend/operstate; ls -d $host/run/lxc`);
  assert.match(stdout, /^done +zfs +zfs-fuse started$/m);
  assert.match(stdout, /^done +pool +zones imported$/m);
  assert.match(stdout, /status 0\nkept\n(down|up|unknown)\n.*\/run\/lxc\n/);
});

test('the daemon that setup starts outlives it and belongs to nobody', async () => {
  const { stdout } = await onFreshHost(`
    kill -9 $(pidof zfs-fuse); sleep 0.2
    $SETUP >/dev/null; ps -o ppid= -p $(pidof zfs-fuse); zpool list -H -o health zones`);
  assert.match(stdout, /^ +1\nONLINE\n$/);
});

test('setup that is killed at any moment is completed by the next one', async () => {
  const { stdout } = await onFreshHost(`
    for delay in 0.15 0.2 0.25 0.3 0.35 0.4 0.5; do timeout -s KILL $delay $SETUP >/dev/null 2>&1; done
    $SETUP >/dev/null; echo status $?; zpool list -H -o name,health; bin/nictagadm exists admin && echo tag`);
  assert.equal(stdout, 'status 0\nzones\tONLINE\ntag\n');
});

test('a dry run says what would be done and does nothing of it', async () => {
  const { stdout } = await onFreshHost(`$SETUP --dry-run; echo status $?; ls $host; zpool list -H; ip -br link show zwadmin 2>&1 | cut -c1-6`);
  assert.match(stdout, /^would +pool +make pool zones in .* \(6 GiB, sparse\)$/m);
  assert.match(stdout, /status 0\nDevice\n$/);
});

test('--admin-interface puts the admin network on an interface, also of a node that was set up without', async () => {
  const { stdout, stderr } = await onFreshHost(`
    ip link add cable type veth peer name cable-end; ip netns add outside; ip link set cable-end netns outside
    ip netns exec outside ip address add 10.77.0.9/24 dev cable-end; ip netns exec outside ip link set cable-end up
    $SETUP >/dev/null; bin/nictagadm list -p; bin/zonewright setup --admin-interface cable | grep network
    bin/nictagadm list -p; bin/zonewright setup | grep -c ^ok; ping -c 1 -W 10 10.77.0.9 | grep -o '1 received'`);
  assert.match(stdout, /^admin:-:zwadmin:etherstub\ndone +network +admin on zwadmin \(10\.77\.0\.1\/24\)\nadmin:[0-9a-f:]{17}:cable:normal\n10\n1 received\n$/, stdout + stderr);
});

/** Hosts that setup must refuse: what is done to the host first, and what the message says. */
const REFUSALS: ReadonlyArray<readonly [what: string, before: string, message: RegExp]> = [
  ['a pool named zones that Zonewright did not make', foreignPool(), /the pool zones was not made by Zonewright/],
  ["another node's pool", `${foreignPool()}; zfs set zonewright:node=7b1e2c3d-0000-4000-8000-000000000001 zones`, /belongs to node 7b1e2c3d-0000-4000-8000-000000000001/],
  ['an admin network that another interface is in', 'ip link add lan type bridge; ip address add 10.0.0.7/8 dev lan', /10\.77\.0\.1\/24 overlaps 10\.0\.0\.7\/8 on interface lan/],
  ['a pool file with content of somebody else', 'mkdir $host/pool; date >$host/pool/zones.img', /it has content but no pool of this name/],
  ['a file system with too little space', 'mkdir $host/pool; mount -t tmpfs -o size=1g tmpfs $host/pool', /has 1\.0 GiB free, a pool needs/],
  ['ids that are all given away', 'echo somebody:1000000:4000000000 >/etc/subuid', /no block of .* ids is free/],
];

for (const [what, before, message] of REFUSALS) {
  test(`setup refuses ${what}, before it changes anything`, async () => {
    const { stdout, stderr } = await onFreshHost(`${before}
      look() { zfs list -H -o name,mountpoint; ip -br link; cat /etc/subuid /etc/subgid; ls -R $host; }
      look >$ZONEWRIGHT_SANDBOX/before; $SETUP; echo status $?; rm -rf $host/etc; look >$ZONEWRIGHT_SANDBOX/after
      diff $ZONEWRIGHT_SANDBOX/before $ZONEWRIGHT_SANDBOX/after && echo unchanged`);
    assert.match(stderr, message);
    assert.equal(stdout, 'status 1\nunchanged\n');
    assert.doesNotMatch(stderr, /\n\s+at /);
  });
}

test('--adopt takes over a pool and keeps what is in it', async () => {
  const { stdout } = await onFreshHost(`${foreignPool()}; zfs create zones/mine; echo data >$ZONEWRIGHT_SANDBOX/foreign/mine/file
    bin/zonewright setup --adopt --run-directory $host/run --mountpoint $ZONEWRIGHT_SANDBOX/foreign >/dev/null; echo status $?
    cat $ZONEWRIGHT_SANDBOX/foreign/mine/file; bin/zonewright setup | grep -c ^ok; grep -c poolFile $ZONEWRIGHT_NODE`);
  assert.equal(stdout, 'status 0\ndata\n10\n0\n');
});

test('a node whose pool is lost is told so and never gets an empty one', async () => {
  const { stdout, stderr } = await onFreshHost(`$SETUP >/dev/null; kill -9 $(pidof zfs-fuse); rm $host/pool/zones.img; bin/zonewright setup; echo status $?; ls $host/pool`);
  assert.match(stderr, /the pool zones of this node cannot be found in .*zones\.img/);
  assert.match(stdout, /^status 1\n$/m);
  assert.doesNotMatch(stdout, /zones\.img/);
});

test("zones get other ids where another user's ranges are in the way", async () => {
  const { stdout } = await onFreshHost(`
    echo other:268435456:65536 | tee /etc/subuid >/etc/subgid; $SETUP >/dev/null; cat /etc/subuid /etc/subgid; grep first $ZONEWRIGHT_NODE`);
  const line = 'root:1073741824:1073741824';
  assert.equal(stdout, `other:268435456:65536\n${line}\nother:268435456:65536\n${line}\n    "first": 1073741824,\n`);
});

function foreignPool(): string {
  return 'truncate -s 1G $ZONEWRIGHT_SANDBOX/foreign.img; zpool create -m $ZONEWRIGHT_SANDBOX/foreign zones $ZONEWRIGHT_SANDBOX/foreign.img 2>/dev/null';
}
