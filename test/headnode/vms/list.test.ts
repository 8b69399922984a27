import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openDatabase } from '../../../headnode/db/open-database.ts';
import type { Database } from '../../../headnode/db/database.ts';
import type { VmFilter } from '../../../headnode/services.ts';
import { listVms } from '../../../headnode/vms/list-vms.ts';

const COUNT = 5000;

let database: Database;

before(async () => {
  database = await openDatabase({ kind: 'pglite' });
  // Of five VMs one is destroyed; 50 owners, 20 servers, tags of each type.
  await database.query(`INSERT INTO vms (uuid, vm, server_uuid, detailed)
    SELECT md5('vm' || i)::uuid, jsonb_build_object('state', CASE WHEN i % 5 = 0 THEN 'destroyed' WHEN i % 7 = 0 THEN 'stopped' ELSE 'running' END, 'owner_uuid', md5((i % 50)::text)::uuid,
      'alias', 'vm-' || lpad(i::text, 5, '0'), 'brand', CASE WHEN i % 10 = 1 THEN 'kvm' ELSE 'lx' END, 'ram', 256 * (1 + i % 8), 'create_timestamp', to_char(timestamp '2026-01-01' + (i / 3) * interval '1 minute', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
      'docker', i % 100 = 1, 'tags', jsonb_build_object('role', 'r' || i % 50, 'odd', i % 2 = 1, 'number', i % 3)), md5('server' || (i % 20))::uuid, true
    FROM generate_series(1, ${COUNT}) i`);
  await database.executeSql('VACUUM (ANALYZE) vms');
});

after(async () => await database.close());

const list = async (filter: VmFilter = {}) => await listVms(database, filter);
const total = async (filter: VmFilter) => (await list(filter)).total;
const predicate = (value: unknown): VmFilter => ({ predicate: JSON.stringify(value) });

test('a page has at most 1,000 VMs, by uuid from the highest', async () => {
  const { vms, total: all } = await list();
  assert.equal(all, COUNT);
  assert.equal(vms.length, 1000);
  const uuids = vms.map(({ uuid }) => uuid);
  assert.deepEqual(uuids, [...uuids].sort().reverse());
  assert.equal((await list({ limit: 1_000_000 })).vms.length, 1000);
});

for (const sort of ['uuid.desc', 'uuid.asc', 'create_timestamp.desc', 'create_timestamp', 'alias.asc', 'ram.desc', 'state.asc', 'owner_uuid.asc']) {
  test(`pages in the order of ${sort} have each VM once, by offset and by marker`, async () => {
    const name = sort.split('.')[0] ?? '';
    const byOffset: string[] = [];
    const byMarker: string[] = [];
    for (let offset = 0; offset <= COUNT; offset += 700) byOffset.push(...(await list({ sort, limit: 700, offset })).vms.map(({ uuid }) => uuid));
    for (let marker: string | undefined; ; ) {
      const { vms } = await list({ sort, limit: 700, ...(marker === undefined ? {} : { marker }) });
      byMarker.push(...vms.map(({ uuid }) => uuid));
      const last = vms.at(-1);
      if (!last) break;
      marker = JSON.stringify({ uuid: last.uuid, [name]: last[name] });
    }
    assert.equal(new Set(byOffset).size, COUNT);
    assert.deepEqual(byMarker, byOffset);
  });
}

test('filters find what they say, and nothing else', async () => {
  assert.equal(await total({ match: { state: 'active' } }), 4000);
  assert.equal(await total({ match: { state: 'destroyed' } }), 1000);
  assert.equal(await total({ match: { brand: 'kvm' } }), 500);
  assert.equal(await total({ match: { docker: 'true' } }), 50);
  assert.equal(await total({ match: { ram: '512', brand: 'kvm' } }), (await list({ match: { brand: 'kvm' } })).vms.filter((vm) => vm['ram'] === 512).length);
  assert.equal(await total({ match: { alias: 'vm-00042' } }), 1);
  assert.equal(await total({ match: { alias: 'vm-0004*' } }), 10);
  assert.equal(await total({ match: { alias: 'vm_0004*' } }), 0, '_ is a letter like others');
  assert.equal(await total({ match: { alias: '%' } }), 0);
  const [one, two] = (await list({ limit: 2 })).vms;
  assert.equal(await total({ uuids: [one?.uuid ?? '', two?.uuid ?? ''] }), 2);
  assert.equal(await total({ ownerUuid: one?.owner_uuid ?? '' }), 100);
});

test('tags are found by text, truth and number, and by being there', async () => {
  assert.equal(await total({ match: { 'tag.role': 'r7' } }), 100);
  assert.equal(await total({ match: { 'tag.odd': 'true' } }), 2500);
  assert.equal(await total({ match: { 'tag.number': '2' } }), 1667);
  assert.equal(await total({ match: { 'tag.role': '*' } }), COUNT);
  assert.equal(await total({ match: { 'tag.colour': '*' } }), 0);
  assert.equal(await total({ match: { "tag.role') OR true --": 'r7' } }), 0);
});

test('predicates compare, and are joined by and and or', async () => {
  assert.equal(await total(predicate({ eq: ['brand', 'kvm'] })), 500);
  assert.equal(await total(predicate({ ne: ['brand', 'kvm'] })), 4500);
  assert.equal(await total(predicate({ or: [{ eq: ['ram', 256] }, { ge: ['ram', '2048'] }] })), 1250);
  assert.equal(await total(predicate({ and: [{ gt: ['ram', 512] }, { lt: ['ram', 1024] }, { ne: ['state', 'destroyed'] }] })), 500);
  assert.equal(await total(predicate({ and: [{ le: ['create_timestamp', '2026-01-01T00:00:00Z'] }, { eq: ['docker', false] }] })), 1);
});

test('pages and counts of the usual lists are found by indexes', async () => {
  for (const condition of [
    'vms.active ORDER BY vms.uuid DESC LIMIT 1000',
    `vms.owner_uuid = '${'0'.repeat(8)}-0000-4000-8000-000000000000' ORDER BY vms.uuid DESC LIMIT 1000`,
    `vms.server_uuid = '${'0'.repeat(8)}-0000-4000-8000-000000000000'`,
    `vms.active AND vms.vm -> 'tags' @> '{"role": "nobody"}'`,
    `vms.alias = 'vm-00042'`,
  ]) {
    const plan = (await database.query<{ 'QUERY PLAN': string }>(`EXPLAIN SELECT vms.uuid FROM vms WHERE ${condition}`)).map((row) => row['QUERY PLAN']).join('\n');
    assert.ok(!plan.includes('Seq Scan'), `${condition}\n${plan}`);
  }
});
