import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { cli } from '../support/cli.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';
import { minimalImage } from '../support/seed-images.ts';

let node: ScratchNode;
let image: string;

before(async () => {
  node = await scratchNode();
  image = (await minimalImage(node)).lx;
});

after(() => node.remove());

/** Each test proves one limit from inside a zone of its own. */
async function withZone(properties: Record<string, unknown>, work: (inside: (command: string) => Promise<{ status: number | null; output: string }>) => Promise<void>): Promise<void> {
  const uuid = randomUUID();
  const payload = { uuid, brand: 'lx', kernel_version: '6.1.0', image_uuid: image, quota: 1, max_physical_memory: 128, ...properties };
  const created = await cli(node, 'vmadm', ['create'], { input: JSON.stringify(payload) });
  assert.equal(created.status, 0, created.stderr);
  try {
    await work(async (command) => {
      const { stdout, stderr, status } = await cli(node, 'zlogin', [uuid, command]);
      return { status, output: `${stdout}${stderr}`.trim() };
    });
  } finally {
    await cli(node, 'vmadm', ['delete', uuid]);
  }
}

test('max_physical_memory ends a program that wants more, and one that wants less goes on', async () => {
  await withZone({ max_physical_memory: 64, tmpfs: 0 }, async (inside) => {
    const hold = (mebibytes: number): string => `dd if=/dev/zero bs=${mebibytes}M count=1 2>/dev/null | wc -c`;
    assert.equal((await inside(hold(24))).output, String(24 * 1024 * 1024));
    assert.notEqual((await inside(`dd if=/dev/zero of=/dev/null bs=200M count=1`)).status, 0);
  });
});

test('max_lwps bounds the processes of a zone', async () => {
  await withZone({ max_lwps: 20 }, async (inside) => {
    const { output } = await inside('i=0; while [ $i -lt 60 ]; do sleep 30 & i=$((i+1)); done 2>&1; wait');
    assert.match(output, /can't fork|Resource temporarily unavailable/);
  });
});

test('quota bounds what a zone writes', async () => {
  await withZone({ quota: 1 }, async (inside) => {
    const { status, output } = await inside('dd if=/dev/urandom of=/root/big bs=1M count=1100');
    assert.notEqual(status, 0);
    assert.match(output, /[Qq]uota exceeded|No space left/);
  });
});

test('tmpfs bounds /tmp, and 0 leaves it on the root', async () => {
  await withZone({ tmpfs: 8 }, async (inside) => {
    assert.match((await inside('mount | grep " /tmp "')).output, /tmpfs.*size=8192k/);
    assert.notEqual((await inside('dd if=/dev/zero of=/tmp/big bs=1M count=16')).status, 0);
  });
  await withZone({ tmpfs: 0 }, async (inside) => {
    assert.equal((await inside('mount | grep " /tmp "')).output, '');
  });
});

test('max_locked_memory is the bound of locked memory for everything in a zone', async () => {
  await withZone({ max_locked_memory: 4 }, async (inside) => {
    assert.equal((await inside('ulimit -l')).output, '4096');
    assert.equal((await inside('ulimit -H -l')).output, '4096');
    assert.notEqual((await inside('ulimit -H -l 8192')).status, 0);
  });
});

test('cpu_cap holds a busy zone to its share of a CPU', async () => {
  await withZone({ cpu_cap: 20 }, async (inside) => {
    // Counted by the kernel in the zone's own group, in USER_HZ: how much CPU two seconds of a busy loop were given.
    const { output } = await inside('(while :; do :; done) & p=$!; sleep 2; set -- $(cat /proc/$p/stat); kill $p; echo $((${14}+${15}))');
    const ticks = Number(output.split('\n').at(-1));
    assert.ok(ticks > 5 && ticks < 100, `${ticks} ticks of 200`);
  });
});

test('cpu_shares is the weight that the kernel has for a zone', async () => {
  await withZone({ cpu_shares: 50 }, async (inside) => {
    const { output } = await inside('mkdir /run/cg; mount -t cgroup -o cpu none /run/cg 2>/dev/null || mount -t cgroup2 none /run/cg; cat /run/cg/cpu.shares 2>/dev/null || cat /run/cg/cpu.weight');
    assert.ok(['512', '50'].includes(output), output);
  });
});

test('max_swap is what memory and swap may be together, where the kernel counts swap', async () => {
  await withZone({ max_physical_memory: 64, max_swap: 256 }, async (inside) => {
    const { output } = await inside('mkdir /run/cg; mount -t cgroup -o memory none /run/cg 2>/dev/null || mount -t cgroup2 none /run/cg; cat /run/cg/memory.memsw.limit_in_bytes 2>/dev/null || cat /run/cg/memory.swap.max 2>/dev/null || echo uncounted');
    assert.ok([String(256 * 1024 * 1024), String(192 * 1024 * 1024), 'uncounted'].includes(output), output);
  });
});
