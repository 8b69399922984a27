import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { candidateOf, capacityOf, standingOf, type Reservation } from '../../../headnode/placement/capacity.ts';
import { choose, type Rules } from '../../../headnode/placement/choose.ts';
import { needOf } from '../../../headnode/placement/need.ts';
import { seededRandom } from '../../../headnode/placement/random.ts';
import type { AllocateRequest } from '../../../headnode/placement/open-placement.ts';
import type { Server, WireObject } from '../../../headnode/services.ts';
import { server, vm } from './servers.ts';

function decide(servers: readonly Server[], { vm: wanted = vm(), reservations = [], rules, ...request }: Partial<AllocateRequest> & { reservations?: readonly Reservation[]; rules?: Partial<Rules> } = {}) {
  const need = needOf({ vm: wanted, nicTags: [], ...request });
  const standings = servers.map((one) => standingOf(candidateOf(one), reservations.filter(({ serverUuid }) => serverUuid === one.uuid), need.owner));
  return choose(standings, need, { limits: { vmCount: 224 }, random: seededRandom(1), ...rules });
}

/** A server that does not qualify, beside one that does: the request, and the step and words that say why. */
const REFUSED: ReadonlyArray<readonly [why: string, refused: Server, request: Partial<AllocateRequest>, step: string, reason: RegExp]> = [
  ['is not set up', server({ setup: false }), {}, 'hard-filter-setup', /not set up/],
  ['is silent', server({ status: 'unknown' }), {}, 'hard-filter-running', /unknown/],
  ['reboots', server({ status: 'rebooting' }), {}, 'hard-filter-running', /rebooting/],
  ['is reserved', server({ reserved: true }), {}, 'hard-filter-reserved', /reserved/],
  ['has no nic tag of that name', server({ tags: { admin: 'up' } }), { nicTags: ['external'] }, 'hard-filter-vlans', /no nic tag external/],
  ['has the nic tag on a link that is down', server({ tags: { external: 'down' } }), { nicTags: ['external'] }, 'hard-filter-vlans', /link of nic tag external is down/],
  ['has none of a pool\'s nic tags', server({ tags: { admin: 'up' } }), { nicTagRequirements: [['storage', 'external']] }, 'hard-filter-vlans', /no nic tag storage or external/],
  ['is full of VMs', server({ vms: manyVms(224, { max_physical_memory: 1, cpu_cap: 1 }) }), {}, 'hard-filter-vm-count', /224/],
  ['runs no machines', server({ sysinfo: { 'VM Capable': false } }), { vm: vm({ brand: 'bhyve' }) }, 'hard-filter-hvm', /bhyve/],
  ['runs Linux, and the image is SmartOS', server(), { image: { os: 'smartos', type: 'zone-dataset' } }, 'hard-filter-os', /smartos/],
  ['runs SmartOS, and the image is of Docker', server({ sysinfo: { 'System Type': 'SunOS' } }), { image: { os: 'linux', type: 'docker' } }, 'hard-filter-os', /docker/],
  ['has too old a platform', server({ sysinfo: { 'System Type': 'SunOS' } }), { image: { os: 'smartos', requirements: { min_platform: { '7.0': '20270101T000000Z' } } } }, 'hard-filter-platform-versions', /older/],
  ['has too little memory', server({ memory: 1 }), { vm: vm({ max_physical_memory: 1024 }) }, 'hard-filter-min-ram', /870 MiB of memory left, and 1024 are needed/],
  ['has too small a pool', server({ pool: 10 }), { vm: vm({ quota: 20 }) }, 'hard-filter-min-disk', /MiB of disk left, and 20480 are needed/],
  ['has too few processors', server({ processors: 1 }), { vm: vm({ cpu_cap: 500 }) }, 'hard-filter-min-cpu', /100 % of a processor left, and 125 are needed/],
];

for (const [why, refused, request, step, reason] of REFUSED) {
  test(`a server that ${why} is dropped, and the explanation says so`, () => {
    const { best, steps } = decide([refused], request);
    assert.equal(best, undefined);
    const dropped = steps.find(({ remaining }) => remaining.length === 0);
    assert.equal(dropped?.step, step);
    assert.match(String(dropped.reasons?.[refused.uuid]), reason);
  });
}

test('the explanation names every server that remains after each step', () => {
  const [small, reserved, good] = [server({ memory: 1 }), server({ reserved: true }), server()];
  const { best, steps } = decide([small, reserved, good]);
  assert.equal(best?.candidate.server, good);
  assert.deepEqual(steps[0], { step: 'received', remaining: [small.uuid, reserved.uuid, good.uuid] });
  assert.deepEqual(steps.find(({ step }) => step === 'hard-filter-reserved')?.remaining, [small.uuid, good.uuid]);
  assert.deepEqual(steps.at(-1), { step: 'pick', remaining: [good.uuid] });
});

test('a reserved server and a head node are taken when they are asked for by name', () => {
  const own = server({ reserved: true, headnode: true });
  assert.equal(decide([own, server()], { servers: [own.uuid] }).best?.candidate.server, own);
});

test('a head node is taken only when there is nothing else', () => {
  const [head, node] = [server({ headnode: true, memory: 1000 }), server({ memory: 8 })];
  assert.equal(decide([head, node]).best?.candidate.server, node);
  assert.equal(decide([head]).best?.candidate.server, head);
});

test('the server with most left of memory and disk is best', () => {
  const [least, most] = [server({ memory: 32, pool: 500 }), server({ memory: 128, pool: 2000 })];
  assert.equal(decide([least, most]).best?.candidate.server, most);
  assert.equal(decide([least, most], { rules: { weights: { 'score-unreserved-ram': -2, 'score-unreserved-disk': -1 } } }).best?.candidate.server, least);
});

test("an owner's VMs are spread: the server with fewest of them is best, though it has less left", () => {
  const wanted = vm();
  const [large, small] = [server({ memory: 128, pool: 2000, vms: { [randomUUID()]: { owner_uuid: wanted['owner_uuid'], max_physical_memory: 1024, cpu_cap: 100 } } }), server({ memory: 32 })];
  assert.equal(decide([large, small], { vm: wanted }).best?.candidate.server, small);
});

test('a machine goes to a server that has the processor for it, when there is one', () => {
  const [large, fast] = [server({ memory: 256, sysinfo: { 'CPU Virtualization': 'none' } }), server({ memory: 32, sysinfo: { 'CPU Virtualization': 'svm' } })];
  assert.equal(decide([large, fast], { vm: vm({ brand: 'kvm' }) }).best?.candidate.server, fast);
  assert.equal(decide([large, fast]).best?.candidate.server, large);
});

test('a newer platform is better than an older one, all else being equal', () => {
  const [old, young] = [server(), server({ sysinfo: { 'Live Image': '20260601T000000Z' } })];
  assert.equal(decide([old, young]).best?.candidate.server, young);
});

test('among equals chance decides, the same way for the same seed', () => {
  const equals = Array.from({ length: 5 }, () => server());
  const picks = (seed: number) => {
    const random = seededRandom(seed);
    return Array.from({ length: 50 }, () => decide(equals, { rules: { random } }).best?.candidate.server.uuid);
  };
  assert.deepEqual(picks(7), picks(7));
  assert.equal(new Set(picks(7)).size, 5);
});

test('what is left: overprovisioning, the reserved part and the memory of QEMU count', () => {
  const one = server({ memory: 100, pool: 1000, processors: 8, overprovision_ratios: { ram: 2 }, vms: { [randomUUID()]: { brand: 'bhyve', max_physical_memory: 2048, quota: 10, cpu_cap: 200 } } });
  const expected = { cpu: 800 - 200 / 4, ram: Math.floor(100 * 1024 * 0.85 - (2048 + 1280) / 2), disk: Math.floor(1000 * 1024 * 0.94 - 10 * 1024 - 10 * 1024) };
  assert.deepEqual(capacityOf(standingOf(candidateOf(one), [])), expected);
});

test('a VM without a cap leaves no processor to promise, and its like are put together where that can be had', () => {
  const [mixed, capped] = [server({ memory: 256, vms: { [randomUUID()]: { max_physical_memory: 1024 } } }), server({ memory: 16 })];
  assert.equal(capacityOf(standingOf(candidateOf(mixed), [])).cpu, 0);
  assert.equal(decide([mixed, capped], { vm: vm({ cpu_cap: 100 }) }).best?.candidate.server, capped);
  assert.equal(decide([mixed], { vm: vm({ cpu_cap: 100 }) }).best?.candidate.server, mixed);
});

test('a small pool keeps a tenth for itself and not ten GiB', () => {
  assert.equal(capacityOf(standingOf(candidateOf(server({ pool: 4 })), [])).disk, Math.floor(4096 * 0.94 - 409.6));
});

test('a reservation counts until its VM is reported, and once', () => {
  const id = randomUUID();
  const uuid = randomUUID();
  const reservation = { vmUuid: id, serverUuid: uuid, owner: undefined, ram: 2048, disk: 10_240, cpu: 100 };
  const empty = server({ uuid });
  const full = server({ uuid, vms: { [id]: { max_physical_memory: 2048, quota: 10, cpu_cap: 100, brand: 'lx' } } });
  const left = (one: Server, reservations: readonly Reservation[]) => capacityOf(standingOf(candidateOf(one), reservations));
  assert.deepEqual(left(empty, [reservation]), left(full, []));
  assert.deepEqual(left(full, [reservation]), left(full, []));
  assert.notDeepEqual(left(empty, []), left(full, []));
});

/** Payloads that cannot be placed, with the words that say why. */
const BAD: ReadonlyArray<readonly [WireObject, RegExp]> = [
  [{}, /max_physical_memory/],
  [{ max_physical_memory: 'much' }, /max_physical_memory must be a number, not "much"/],
  [{ ram: -1 }, /vm.ram must be a number/],
  [{ ram: 128, uuid: '../x' }, /vm.uuid must be a uuid/],
  [{ ram: 128, quota: '1e9' }, /vm.quota/],
  [{ ram: 128, cpu_cap: Number.NaN }, /vm.cpu_cap/],
  [{ ram: 128, disks: [{ size: 'big' }] }, /vm.size/],
];
for (const [payload, reason] of BAD) {
  test(`a payload ${JSON.stringify(payload)} is refused`, () => {
    assert.throws(() => needOf({ vm: payload, nicTags: [] }), (error: { code: string; message: string }) => error.code === 'InvalidArgument' && reason.test(error.message));
  });
}

test('the disks of a machine count, one without a size by its image', () => {
  const need = needOf({ vm: { uuid: randomUUID(), brand: 'kvm', ram: 1024, quota: 10, disks: [{ image_uuid: randomUUID() }, { size: 2048 }] }, image: { image_size: 8192 }, nicTags: [] });
  assert.deepEqual({ ram: need.ram, disk: need.disk }, { ram: 2048, disk: 10_240 + 8192 + 2048 });
});

function manyVms(count: number, properties: WireObject): Record<string, WireObject> {
  return Object.fromEntries(Array.from({ length: count }, () => [randomUUID(), properties]));
}
