/** What several head processes do at the same moment on one PostgreSQL server. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { Database } from '../../../headnode/db/database.ts';
import { migrations } from '../../../headnode/db/migrations/index.ts';
import { openDatabase, type DatabasePlace } from '../../../headnode/db/open-database.ts';
import { createNetwork } from '../../../headnode/networks/networks.ts';
import { createNicTag } from '../../../headnode/networks/nic-tags.ts';
import type { Outcome, Work } from './head-process.ts';
import { server, vm } from './servers.ts';

let directory: string;
let place: DatabasePlace;
let db: Database;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zonewright-heads-'));
  const url = process.env['ZONEWRIGHT_TEST_DATABASE'];
  place = url === undefined ? { kind: 'private-postgres', directory } : { kind: 'url', url };
  db = await openDatabase(place, migrations);
});
after(async () => {
  await db.close();
  await rm(directory, { recursive: true, force: true });
});

test('two head processes with 100 creates never promise more than 5 nodes have, place all that fit, and give each an address of its own', { timeout: 300_000 }, async () => {
  await createNicTag(db, { name: 'external' });
  const { uuid: network } = await createNetwork(db, { name: 'external', subnet: '10.3.0.0/16', nic_tag: 'external', vlan_id: 0, provision_start_ip: '10.3.0.10', provision_end_ip: '10.3.255.250' });
  // Each has room for 17 VMs of 2 GiB.
  const servers = Array.from({ length: 5 }, () => server({ memory: 40 }));
  const wanted = Array.from({ length: 100 }, () => vm({ max_physical_memory: 2048, owner_uuid: randomUUID() }));
  const halves = [wanted.slice(0, 50), wanted.slice(50)];
  const outcomes = (await Promise.all(halves.map((vms) => headProcess({ place, servers, vms, network })))).flat();

  const placed = outcomes.filter((one) => one.server !== undefined);
  assert.equal(placed.length, 5 * 17);
  const sums = await db.query<{ vms: number; ram: number }>('SELECT count(*) AS vms, sum(ram) AS ram FROM placement_reservations GROUP BY server_uuid');
  assert.deepEqual(sums.map(({ vms, ram }) => [Number(vms), ram]), Array.from({ length: 5 }, () => [17, 17 * 2048]));
  assert.equal(new Set(placed.map(({ ip }) => ip)).size, placed.length);
  assert.equal(new Set(placed.map(({ mac }) => mac)).size, placed.length);
  const [last] = await db.query<{ ip: string }>("SELECT host(max(ip)) AS ip FROM ips WHERE network_uuid = $1", [network]);
  assert.equal(last?.ip, `10.3.0.${10 + placed.length - 1}`);
});

async function headProcess(work: Work): Promise<Outcome[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'head-process.ts'), JSON.stringify(work)], { maxBuffer: 2 ** 24 });
  return JSON.parse(stdout) as Outcome[];
}
