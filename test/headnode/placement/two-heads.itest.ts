/** Two whole head nodes on one PostgreSQL server, and nodes that report to both: VMs come and go, and no node ever has more than it can hold. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Database } from '../../../headnode/db/database.ts';
import { openDatabase } from '../../../headnode/db/open-database.ts';
import type { WireObject } from '../../../headnode/services.ts';
import { joinTestHead, nodeWith, startTestHead, sysinfoOf, type JoinedNode, type TestHead } from '../support/head.ts';
import { keepBeating } from './heartbeats.ts';
import { vm } from './servers.ts';

/** 16 GiB, 85 % of which are 6 VMs of 2 GiB. */
const MOST_VMS = 6;
const NODES = 5;

interface Node {
  readonly uuid: string;
  /** The node, speaking to each of the heads. */
  readonly voices: readonly JoinedNode[];
  readonly vms: Map<string, WireObject>;
  /** One report after the other, as an agent does. */
  last: Promise<unknown>;
}

let directory: string;
let db: Database;
let heads: TestHead[];
let nodes: Node[];
let stopBeating: () => Promise<void>;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zonewright-heads-'));
  db = await openDatabase({ kind: 'private-postgres', directory });
  const databaseUrl = `postgresql://postgres@${encodeURIComponent(join(directory, 'run'))}/zonewright`;
  const directories = ['one', 'two'].map((name) => join(directory, name)) as [string, string];
  for (const path of directories) await mkdir(path, { mode: 0o700 });
  heads = [await startTestHead({ databaseUrl, directory: directories[0] })];
  // All heads of a database have one seal key.
  await copyFile(join(directories[0], 'seal.key'), join(directories[1], 'seal.key'));
  heads.push(await startTestHead({ databaseUrl, directory: directories[1] }));
  nodes = await Promise.all(Array.from({ length: NODES }, newNode));
  stopBeating = keepBeating(() => nodes.flatMap(({ voices }) => voices.slice(0, 1)));
});
after(async () => {
  await stopBeating?.();
  for (const { voices } of nodes ?? []) for (const voice of voices) await voice.close();
  for (const head of heads ?? []) await head.close();
  await db?.close();
  await rm(directory, { recursive: true, force: true });
});

async function newNode(): Promise<Node> {
  const [first, second] = heads;
  assert.ok(first && second);
  const voice = await joinTestHead(first);
  await voice.say('POST', `/servers/${voice.uuid}/sysinfo`, { sysinfo: sysinfoOf(voice.uuid) });
  const node = { uuid: voice.uuid, voices: [voice, nodeWith({ ...voice, adminUrl: second.adminUrl })], vms: new Map(), last: Promise.resolve() };
  await report(node);
  return node;
}

let reports = 0;

async function report(node: Node): Promise<void> {
  const mine = node.last.then(async () => {
    const voice = node.voices[(reports += 1) % node.voices.length];
    const answer = await voice?.say('POST', `/servers/${node.uuid}/events/status`, { vms: Object.fromEntries(node.vms) });
    assert.ok(answer && answer.status < 300, JSON.stringify(answer));
  });
  node.last = mine;
  await mine;
}

test('120 VMs that are made and destroyed through both heads never crowd a node, and leave all places free', { timeout: 400_000 }, async () => {
  const sizes: number[] = [];
  let refused = 0;
  await Promise.all(Array.from({ length: 120 }, async (_, index) => {
    const head = heads[index % 2];
    const wanted = vm({ max_physical_memory: 2048, quota: 1, cpu_cap: 50, owner_uuid: randomUUID() });
    const { server } = (await head?.running.head.services.placement.allocate({ vm: wanted, nicTags: [] })) ?? {};
    const node = nodes.find(({ uuid }) => uuid === server?.uuid);
    if (!node) return void (refused += 1);
    node.vms.set(wanted.uuid, { ...wanted, state: 'running', zone_state: 'running' });
    sizes.push(node.vms.size);
    await report(node);
    // One in three stays for a while; of those that go the head is told only after the node has forgotten them.
    if (index % 3 === 0) return;
    node.vms.delete(wanted.uuid);
    await report(node);
    await heads[(index + 1) % 2]?.running.head.services.placement.release(wanted.uuid);
  }));
  assert.ok(Math.max(...sizes) <= MOST_VMS, `a node had ${Math.max(...sizes)} VMs`);
  assert.equal(sizes.length + refused, 120);
  // Those that stayed count, by report or by reservation, and what they leave can be had: no more and no less.
  const stayed = nodes.reduce((sum, { vms }) => sum + vms.size, 0);
  const place = async (index: number): Promise<boolean> =>
    (await heads[index % 2]?.running.head.services.placement.allocate({ vm: vm({ max_physical_memory: 2048, quota: 1, cpu_cap: 50 }), nicTags: [] }))?.server !== undefined;
  let placed = 0;
  // A head may hear a moment later that a VM is gone.
  for (const deadline = Date.now() + 120_000; placed < NODES * MOST_VMS - stayed && Date.now() < deadline; ) {
    const tries = await Promise.all(Array.from({ length: 10 }, (_, index) => place(index)));
    placed += tries.filter(Boolean).length;
  }
  assert.equal(placed, NODES * MOST_VMS - stayed);
  assert.deepEqual([await place(0), await place(1)], [false, false]);
});
