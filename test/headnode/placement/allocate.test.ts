import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import type { Database } from '../../../headnode/db/database.ts';
import { placementMigration } from '../../../headnode/db/migrations/020-placement.ts';
import { openDatabase } from '../../../headnode/db/open-database.ts';
import { openPlacement } from '../../../headnode/placement/open-placement.ts';
import type { Server } from '../../../headnode/services.ts';
import { server, toldServers, vm } from './servers.ts';

let db: Database;
before(async () => void (db = await openDatabase({ kind: 'pglite' }, [placementMigration])));
beforeEach(async () => void (await db.query('DELETE FROM placement_reservations')));
after(() => db.close());

/** 5 nodes, each with room for 17 VMs of 2 GiB. */
function fiveNodes(): Server[] {
  return Array.from({ length: 5 }, () => server({ memory: 40 }));
}

test('100 creates at the same moment on 5 nodes never promise more than there is, and all that fit are placed', async () => {
  const nodes = fiveNodes();
  // Two placements on one database are what two processes are, but for the process.
  const placements = [openPlacement({ db, servers: toldServers(nodes) }), openPlacement({ db, servers: toldServers(nodes) })];
  const wanted = Array.from({ length: 100 }, () => vm({ max_physical_memory: 2048, owner_uuid: randomUUID() }));
  const results = await Promise.all(wanted.map((one, index) => placements[index % 2]?.allocate({ vm: one, nicTags: ['external'] })));
  const placed = results.filter((result) => result?.server);
  assert.equal(placed.length, 5 * 17);
  const sums = await db.query<{ vms: number; ram: number }>('SELECT count(*) AS vms, sum(ram) AS ram FROM placement_reservations GROUP BY server_uuid');
  assert.deepEqual(sums.map(({ vms, ram }) => [Number(vms), ram]), Array.from({ length: 5 }, () => [17, 17 * 2048]));
  const refused = results.find((result) => !result?.server);
  assert.match(JSON.stringify(refused?.steps.find(({ remaining }) => remaining.length === 0)), /hard-filter-min-ram.*MiB of memory left, and 2048 are needed/);
});

test('a create that failed gives its place back', async () => {
  const placement = openPlacement({ db, servers: toldServers([server({ memory: 3 })]) });
  const [first, second] = [vm({ max_physical_memory: 2048 }), vm({ max_physical_memory: 2048 })];
  assert.ok((await placement.allocate({ vm: first, nicTags: [] })).server);
  assert.equal((await placement.allocate({ vm: second, nicTags: [] })).server, undefined);
  await placement.release(first.uuid);
  await placement.release(first.uuid);
  assert.ok((await placement.allocate({ vm: second, nicTags: [] })).server);
});

test('asking again for the same VM tells the same server and reserves once', async () => {
  const placement = openPlacement({ db, servers: toldServers(fiveNodes()) });
  const wanted = vm();
  const results = await Promise.all(Array.from({ length: 10 }, () => placement.allocate({ vm: wanted, nicTags: [] })));
  assert.equal(new Set(results.map((result) => result.server?.uuid)).size, 1);
  assert.equal((await db.query('SELECT 1 FROM placement_reservations')).length, 1);
  const [other] = (await placement.explain({ vm: vm(), nicTags: [] })).steps[0]?.remaining.filter((uuid) => uuid !== results[0]?.server?.uuid) ?? [];
  await assert.rejects(placement.allocate({ vm: wanted, nicTags: [], servers: [String(other)] }), { code: 'InvalidArgument' });
});

test('a reservation ends when its time is over', async () => {
  const placement = openPlacement({ db, servers: toldServers([server({ memory: 3 })]) });
  await placement.allocate({ vm: vm({ max_physical_memory: 2048 }), nicTags: [] });
  await db.query("UPDATE placement_reservations SET expires_at = now() - interval '1 second'");
  const next = vm({ max_physical_memory: 2048 });
  assert.ok((await placement.allocate({ vm: next, nicTags: [] })).server);
  // What is over does not pile up.
  assert.deepEqual(await db.query('SELECT vm_uuid FROM placement_reservations'), [{ vm_uuid: next.uuid }]);
});

test('a VM that its node reports keeps its place by that, and gives it back when it is gone', async () => {
  const node = server({ memory: 3 });
  const servers = toldServers([node]);
  const placement = openPlacement({ db, servers });
  const wanted = vm({ max_physical_memory: 2048 });
  await placement.allocate({ vm: wanted, nicTags: [] });
  await servers.tell([{ ...node, vms: { [wanted.uuid]: wanted } }]);
  assert.equal((await placement.allocate({ vm: vm({ max_physical_memory: 2048 }), nicTags: [] })).server, undefined);
  // A process that has not heard of the report yet still sees the reservation.
  const late = openPlacement({ db, servers: toldServers([node]) });
  assert.equal((await late.allocate({ vm: vm({ max_physical_memory: 2048 }), nicTags: [] })).server, undefined);
  await db.query("UPDATE placement_reservations SET seen_at = seen_at - interval '6 seconds'");
  await servers.tell([node]);
  assert.deepEqual(await db.query('SELECT 1 FROM placement_reservations'), []);
  assert.ok((await placement.allocate({ vm: vm({ max_physical_memory: 2048 }), nicTags: [] })).server);
});

test('an old report, from before the VM was made, takes no place away', async () => {
  const node = server({ memory: 3 });
  const servers = toldServers([node]);
  const placement = openPlacement({ db, servers });
  await placement.allocate({ vm: vm({ max_physical_memory: 2048 }), nicTags: [] });
  await servers.tell([node]);
  assert.equal((await placement.allocate({ vm: vm({ max_physical_memory: 2048 }), nicTags: [] })).server, undefined);
});

test('a place on a server that was forgotten is chosen anew', async () => {
  const [gone, other] = [server(), server()];
  const servers = toldServers([gone]);
  const placement = openPlacement({ db, servers });
  const wanted = vm();
  await placement.allocate({ vm: wanted, nicTags: [] });
  await servers.tell([other]);
  assert.equal((await placement.allocate({ vm: wanted, nicTags: [] })).server?.uuid, other.uuid);
});

test("an owner's VMs spread over the nodes, also those that are only reserved", async () => {
  const placement = openPlacement({ db, servers: toldServers(fiveNodes()) });
  const placed = await Promise.all(Array.from({ length: 10 }, () => placement.allocate({ vm: vm(), nicTags: [] })));
  const counts = Map.groupBy(placed, ({ server: one }) => one?.uuid);
  assert.deepEqual([...counts.values()].map((list) => list.length), [2, 2, 2, 2, 2]);
});

test('an explanation reserves nothing', async () => {
  const placement = openPlacement({ db, servers: toldServers(fiveNodes()) });
  assert.ok((await placement.explain({ vm: vm(), nicTags: [] })).server);
  assert.deepEqual(await db.query('SELECT 1 FROM placement_reservations'), []);
});

test('capacity counts what is reserved, and names servers that are not there', async () => {
  const [node] = [server({ memory: 10 })];
  const placement = openPlacement({ db, servers: toldServers([node]) });
  await placement.allocate({ vm: vm({ max_physical_memory: 2048 }), nicTags: [] });
  const absent = randomUUID();
  const { capacities, errors } = await placement.capacity([node.uuid, absent]);
  assert.equal((capacities[node.uuid] as { ram: number }).ram, Math.floor(10_240 * 0.85 - 2048));
  assert.deepEqual(Object.keys(errors), [absent]);
});

test('a place on a server that the operator chose is seen by others, whether or not the server qualifies', async () => {
  const node = server({ memory: 3 });
  const placement = openPlacement({ db, servers: toldServers([node]) });
  await placement.hold({ vm: vm({ max_physical_memory: 2048 }) }, node.uuid);
  assert.equal((await placement.allocate({ vm: vm({ max_physical_memory: 2048 }), nicTags: [] })).server, undefined);
  await placement.hold({ vm: vm({ max_physical_memory: 2048 }) }, node.uuid);
  assert.deepEqual((await db.query<{ ram: number }>('SELECT sum(ram) AS ram FROM placement_reservations'))[0]?.ram, 4096);
});
