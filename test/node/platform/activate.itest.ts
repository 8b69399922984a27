import assert from 'node:assert/strict';
import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { readFatFile } from '../../../host/fat/fat-volume.ts';
import { activatePlatform } from '../../../node/platform/activate.ts';
import { readBootPartition, setNextBoot } from '../../../node/platform/boot-partition.ts';
import { refreshBootable } from '../../../node/platform/bootable.ts';
import { installPlatform } from '../../../node/platform/install.ts';
import { judge, type Court } from '../../../node/platform/judge-trial.ts';
import { addKey } from '../../../node/platform/keys.ts';
import { platformStatus } from '../../../node/platform/list.ts';
import { partitionForBoot } from '../../../node/platform/partition-for-boot.ts';
import { openPlatformHost, type PlatformHost, type ThisBoot } from '../../../node/platform/platform-host.ts';
import { sayOnDisks } from '../../../node/platform/place-on-disks.ts';
import { removePlatform } from '../../../node/platform/remove.ts';
import { platformDirectory } from '../../../node/platform/store.ts';
import { readTrial, type Trial } from '../../../node/platform/trial.ts';
import type { Stamp } from '../../../node/platform/stamp.ts';
import { damage, newSigningKey, scratchDirectory, smallPlatform, stamp } from '../../support/platform-image.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';

/** A node with two disks that it boots from; what its firmware and GRUB would do with them is done here. */
let node: ScratchNode;
let directory: string;
let host: PlatformHost;
const key = newSigningKey();
const [ONE, TWO] = [stamp(1), stamp(2)];
const quiet = { signal: new AbortController().signal, say: () => undefined };

before(async () => {
  node = await scratchNode({ megabytes: 1024 });
  directory = await scratchDirectory();
});
after(async () => {
  await node.remove();
  await rm(directory, { recursive: true, force: true });
});

beforeEach(async () => {
  const partitions = [(await newDisk()).boot, (await newDisk()).boot];
  host = { ...(await openPlatformHost()), partitions, keyDirectories: ['/nonexistent', join(directory, 'keys')] };
  await writeFile(join(directory, 'key.pem'), key.publicPem);
  await addKey(host, join(directory, 'key.pem')).catch(() => undefined);
  await rm(join(node.paths.config, 'platform-trial.json'), { force: true });
  for (const version of [ONE, TWO]) await installPlatform(host, { from: await smallPlatform(directory, version, key), ...quiet });
  startInto({ stamp: ONE });
});

async function newDisk() {
  const path = join(directory, `disk-${crypto.randomUUID()}`);
  await writeFile(path, '');
  await truncate(path, 4 * 1024 ** 3);
  return partitionForBoot(path);
}

function startInto(boot: Partial<ThisBoot>): void {
  host = { ...host, boot: { stamp: ONE, fromDisk: true, trialSeconds: undefined, bootId: crypto.randomUUID(), ...boot } };
}

/** What GRUB does on one of the disks: it takes `next_entry` out and boots it, else what is saved. */
async function powerOn(disk = 0): Promise<void> {
  const volume = host.partitions[disk] ?? '';
  const { saved, next } = await readBootPartition(volume);
  if (saved) await setNextBoot(volume, { saved });
  startInto({ ...(next ?? saved ? { stamp: (next ?? saved) as Stamp } : {}), ...(next && { trialSeconds: 100 }) });
}

interface Sentence {
  readonly rebooted: boolean;
  readonly deadlineEnded: boolean;
  readonly told: readonly Trial[];
}

async function judged(missing: readonly string[]): Promise<Sentence> {
  let [rebooted, deadlineEnded, clock] = [false, false, 10];
  const told: Trial[] = [];
  const court: Court = {
    missing: async () => missing,
    endDeadline: async () => void (deadlineEnded = true),
    reboot: async () => void (rebooted = true),
    tellHead: async (trial) => void told.push(trial),
    uptime: async () => clock,
    pause: async () => void (clock += 30),
    say: () => undefined,
  };
  await judge(host, court);
  return { rebooted, deadlineEnded, told };
}

async function onDisks(): Promise<Array<{ saved: Stamp | undefined; next: Stamp | undefined }>> {
  return Promise.all(host.partitions.map(async (volume) => readBootPartition(volume).then(({ saved, next }) => ({ saved, next }))));
}

function both<Value>(value: Value): Value[] {
  return [value, value];
}

test('the first image on empty disks is booted without a trial; the second only waits to be activated', async () => {
  assert.deepEqual(await onDisks(), both({ saved: ONE, next: undefined }));
  const { rows } = await platformStatus(host);
  assert.deepEqual(
    rows.map(({ stamp: version, disks, now, next }) => [version, disks, now, next]),
    [[ONE, 2, true, true], [TWO, 2, false, false]],
  );
});

test('an image that comes up healthy stays, on every disk', async () => {
  assert.deepEqual(await activatePlatform(host, { stamp: TWO, final: false, ...quiet }), { trial: true });
  assert.deepEqual(await onDisks(), both({ saved: ONE, next: TWO }));
  assert.equal((await readTrial(node))?.state, 'waiting');
  await powerOn();
  const { rebooted, deadlineEnded, told } = await judged([]);
  assert.deepEqual([rebooted, deadlineEnded, told.map(({ state }) => state)], [false, true, ['passed']]);
  assert.deepEqual(await onDisks(), both({ saved: TWO, next: undefined }));
  assert.match((await readFatFile(host.partitions[1] ?? '', '/grub/menu.cfg')) ?? '', new RegExp(`^set default="platform-${TWO}"`));
  assert.deepEqual((await platformStatus(host)).rows.map(({ trial, next }) => [trial, next]), [['-', false], ['passed', true]]);
  await removePlatform(host, ONE);
});

test('one that does not come up healthy in time is given up with the reason, and the one before is booted from every disk', async () => {
  await activatePlatform(host, { stamp: TWO, final: false, ...quiet });
  await powerOn();
  const { rebooted, deadlineEnded, told } = await judged(['no agent runs']);
  assert.deepEqual([rebooted, deadlineEnded, told.map(({ state }) => state)], [true, false, ['failed']]);
  await powerOn();
  assert.equal(host.boot.stamp, ONE);
  await judged([]);
  assert.deepEqual(await onDisks(), both({ saved: ONE, next: undefined }));
  assert.match((await readTrial(node))?.reason ?? '', /not healthy in time: no agent runs/);
});

test('one that ends without a word is known by the next boot, and no other disk offers it again', async () => {
  await activatePlatform(host, { stamp: TWO, final: false, ...quiet });
  await powerOn();
  await powerOn();
  assert.equal(host.boot.stamp, ONE);
  const { rebooted, told } = await judged([]);
  assert.deepEqual([rebooted, told.map(({ state }) => state)], [false, ['failed']]);
  assert.match((await readTrial(node))?.reason ?? '', /panicked, hung, or could not be loaded/);
  assert.deepEqual(await onDisks(), both({ saved: ONE, next: undefined }));
  assert.deepEqual((await platformStatus(host)).rows.map(({ trial }) => trial), ['-', 'failed']);
  await powerOn(1);
  assert.equal(host.boot.stamp, ONE);
});

test('what was missing when a boot was cut off is known afterwards', async () => {
  await activatePlatform(host, { stamp: TWO, final: false, ...quiet });
  await powerOn();
  const court = { missing: async () => ['the pool zones is not imported'], uptime: async () => 10, pause: () => Promise.reject(new Error('power cut')) };
  await assert.rejects(judge(host, court as never), /power cut/);
  await powerOn();
  await judged([]);
  assert.match((await readTrial(node))?.reason ?? '', /the pool zones is not imported/);
});

test('a trial that a head node ordered is told to it, and changes nothing on the disks', async () => {
  startInto({ stamp: TWO, fromDisk: false, trialSeconds: 100 });
  const { told } = await judged([]);
  assert.deepEqual(told.map(({ stamp: version, state }) => [version, state]), [[TWO, 'passed']]);
  assert.deepEqual(await onDisks(), both({ saved: ONE, next: undefined }));
});

test('--final boots it from now on', async () => {
  assert.deepEqual(await activatePlatform(host, { stamp: TWO, final: true, ...quiet }), { trial: false });
  assert.deepEqual(await onDisks(), both({ saved: TWO, next: undefined }));
});

test('activating what runs takes a trial back', async () => {
  await activatePlatform(host, { stamp: TWO, final: false, ...quiet });
  assert.deepEqual(await activatePlatform(host, { stamp: ONE, final: false, ...quiet }), { trial: false });
  assert.deepEqual(await onDisks(), both({ saved: ONE, next: undefined }));
  assert.match((await readTrial(node))?.reason ?? '', /was activated instead/);
});

test('what runs, what is next, and what a trial falls back to are not removed', async () => {
  await assert.rejects(removePlatform(host, ONE), { code: 'PlatformInUse' });
  await activatePlatform(host, { stamp: TWO, final: false, ...quiet });
  await assert.rejects(removePlatform(host, TWO), { code: 'PlatformInUse' });
  startInto({ stamp: stamp(3) });
  await assert.rejects(removePlatform(host, ONE), { code: 'PlatformInUse' });
});

test('an image that was damaged since it was installed is not activated', async () => {
  await damage(join(platformDirectory(node, TWO), 'initramfs'));
  await assert.rejects(activatePlatform(host, { stamp: TWO, final: false, ...quiet }), { code: 'PlatformFileDamaged' });
  assert.deepEqual(await onDisks(), both({ saved: ONE, next: undefined }));
  await rm(platformDirectory(node, TWO), { recursive: true });
});

test('a disk that was replaced gets everything by a refresh, and boots', async () => {
  const fresh = (await newDisk()).boot;
  host = { ...host, partitions: [host.partitions[0] ?? '', fresh] };
  await refreshBootable(host, quiet);
  assert.deepEqual(await onDisks(), both({ saved: ONE, next: undefined }));
  assert.ok((await readBootPartition(fresh)).stamps.includes(ONE));
});

test('when a disk cannot be written the ones before it are complete, and the status is 3', async () => {
  const gone = `${join(directory, 'gone')}@@2097152`;
  await writeFile(join(directory, 'gone'), '');
  host = { ...host, partitions: [host.partitions[0] ?? '', gone] };
  await assert.rejects(sayOnDisks(host, { saved: TWO }), { code: 'BootDiskFailed', exitStatus: 3 });
  assert.equal((await readBootPartition(host.partitions[0] ?? '')).saved, TWO);
});
