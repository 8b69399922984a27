/** What machines are answered when the database goes away in the middle, and who is answered at all. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import bunyan from 'bunyan';
import { newBootAnswers, type BootState } from '../../../headnode/boot/answers.ts';
import { openBootCache } from '../../../headnode/boot/cache.ts';
import { lookUpAll } from '../../../headnode/boot/look-up.ts';
import { askForRescue, askForTrial, assignPlatform, takeNextBoot } from '../../../headnode/boot/next-boot.ts';
import type { Snapshot } from '../../../headnode/boot/snapshot.ts';
import type { Database } from '../../../headnode/db/database.ts';
import { openDatabase } from '../../../headnode/db/open-database.ts';
import { createNetwork } from '../../../headnode/networks/networks.ts';
import { createNicTag } from '../../../headnode/networks/nic-tags.ts';
import { createNic } from '../../../headnode/networks/provision.ts';

const SERVER = '4f2ef0d6-6f0d-4e5c-8a52-1d8d3c5f0a01';
const OWNER = '00000000-0000-0000-0000-000000000000';
const MAC = '52:54:00:00:00:01';
const [USUAL, TRIED] = ['20261101T000000Z', '20261121T154200Z'];
const log = bunyan.createLogger({ name: 'test', level: bunyan.FATAL + 1 });
let directory: string;
let database: Database;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zonewright-answers-'));
  for (const stamp of [USUAL, TRIED]) {
    await mkdir(join(directory, 'platforms', stamp, 'platform/x86_64'), { recursive: true });
    await writeFile(join(directory, 'platforms', stamp, 'platform/x86_64/vmlinuz'), '');
  }
  database = await openDatabase({ kind: 'pglite' });
  await createNicTag(database, { name: 'admin' });
  const network = await createNetwork(database, { name: 'admin', subnet: '10.88.0.0/24', nic_tag: 'admin', vlan_id: 0, provision_start_ip: '10.88.0.10', provision_end_ip: '10.88.0.99' });
  await database.query('INSERT INTO servers (uuid, hostname) VALUES ($1, $2)', [SERVER, 'rack-1.example.com']);
  await createNic(database, { mac: MAC, owner_uuid: OWNER, belongs_to_uuid: SERVER, belongs_to_type: 'server', network_uuid: network.uuid, nic_tags_provided: ['admin'], primary: true });
  await createNic(database, { mac: '52:54:00:00:00:02', owner_uuid: OWNER, belongs_to_uuid: '4f2ef0d6-6f0d-4e5c-8a52-1d8d3c5f0a02', belongs_to_type: 'zone', network_uuid: network.uuid });
  await assignPlatform(database, SERVER, USUAL);
});
after(async () => {
  await database.close().catch(() => undefined);
  await rm(directory, { recursive: true, force: true });
});

async function snapshotNow(): Promise<Snapshot> {
  const found = await lookUpAll({ database, address: '10.88.0.1', datacenter: 'here', caFingerprint: 'ab'.repeat(32), onInvalid: (mac, error) => assert.fail(`${mac}: ${String(error)}`) });
  return found ?? assert.fail('no network was found');
}

function answersOf(state: BootState) {
  return newBootAnswers({ state, server: { address: '10.88.0.1', port: 80 }, leases: join(directory, 'leases'), platforms: join(directory, 'platforms'), log });
}

test('instances are no machines, and a name is the first part of a host name', async () => {
  const { machines } = await snapshotNow();
  assert.deepEqual([...machines.values()].map(({ mac, hostname, server, ip }) => ({ mac, hostname, server, ip })), [{ mac: MAC, hostname: 'rack-1', server: SERVER, ip: '10.88.0.10' }]);
});

test('a boot that happens once is handed out once, whoever asks at the same moment; rescue comes before a trial and leaves it', async () => {
  await askForTrial(database, SERVER, { platform: TRIED });
  await askForRescue(database, SERVER, true);
  assert.deepEqual(await takeNextBoot(database, SERVER), { kind: 'rescue' });
  const kinds = (await Promise.all(Array.from({ length: 8 }, () => takeNextBoot(database, SERVER)))).map(({ kind }) => kind);
  assert.deepEqual(kinds.toSorted(), ['trial', ...Array.from({ length: 7 }, () => 'usual')]);
});

test('a trial is for the machine itself, and not for who asks in its name', async () => {
  await askForTrial(database, SERVER, { platform: TRIED });
  const answers = answersOf({ snapshot: await snapshotNow(), database });
  assert.match((await answers.script(MAC, '10.88.0.77')) ?? '', new RegExp(`platform ${USUAL}\n`));
  assert.match((await answers.script(MAC, '10.88.0.10')) ?? '', new RegExp(`platform ${TRIED}, on trial\n`));
});

test('a machine that nobody knows is answered only when DHCP has just given it its address', async () => {
  const state: BootState = { snapshot: await snapshotNow(), database };
  state.refresh = async () => void (state.snapshot = await snapshotNow());
  const answers = answersOf(state);
  const stranger = '52:54:00:00:00:33';
  assert.equal(await answers.script(stranger, '10.88.0.200'), undefined);
  const leased = Math.floor(Date.now() / 1000);
  for (const lease of [`${leased - 1} ${stranger} 10.88.0.200 * *`, `${leased + 600} ${stranger} 10.88.0.201 * *`, `${leased + 600} 52:54:00:00:00:34 10.88.0.200 * *`]) {
    await writeFile(join(directory, 'leases'), `${lease}\n`);
    assert.equal(await answers.script(stranger, '10.88.0.200'), undefined, lease);
  }
  await writeFile(join(directory, 'leases'), `${leased + 600} ${stranger} 10.88.0.200 * *\n`);
  assert.match((await answers.script(stranger, '10.88.0.200')) ?? '', /no platform image/);
  assert.equal(state.snapshot?.machines.get(stranger)?.ip, '10.88.0.12');
});

test('while the database is away a machine gets what it had, never a trial, and a new one waits', async () => {
  await askForTrial(database, SERVER, { platform: TRIED });
  const snapshot = await snapshotNow();
  assert.equal(snapshot.machines.get(MAC)?.pending, true);
  await database.close();
  const answers = answersOf({ snapshot, database });
  assert.match((await answers.script(MAC, '10.88.0.10')) ?? '', new RegExp(`platform ${USUAL}\n`));
  await writeFile(join(directory, 'leases'), `${Math.floor(Date.now() / 1000) + 600} 52:54:00:00:00:44 10.88.0.201 * *\n`);
  assert.match((await answers.script('52:54:00:00:00:44', '10.88.0.201')) ?? '', /cannot take new machines/);
});

test('what is kept is read again, without what is old, damaged or no longer there', async () => {
  const cache = await openBootCache(join(directory, 'cache'), log);
  assert.equal(await cache.read(), undefined);
  const machine = (index: number) => ({ mac: `52:54:00:00:01:0${index}`, ip: `10.88.0.2${index}`, hostname: `rack-${index}`, params: {}, networking: undefined });
  const site = { datacenter: 'here', network: { uuid: SERVER, subnet: '10.88.0.0/24', netmask: '255.255.255.0', resolvers: [] }, head: { heads: [], ca_sha256: 'ab'.repeat(32) } };
  const all = new Map([1, 2, 3, 4].map((index) => [machine(index).mac, machine(index)]));
  await cache.keep({ site, machines: all });
  const week = Date.now() / 1000 - 7 * 24 * 3600 - 60;
  await utimes(join(directory, 'cache/52-54-00-00-01-02.json'), week, week);
  await writeFile(join(directory, 'cache/52-54-00-00-01-03.json'), '{"mac":');
  await writeFile(join(directory, 'cache/52-54-00-00-01-04.json'), JSON.stringify({ ...machine(4), hostname: 'a\nb' }));
  const kept = await cache.read();
  assert.deepEqual([...(kept?.machines.keys() ?? [])], [machine(1).mac]);
  await cache.keep({ site, machines: new Map() });
  assert.deepEqual(await readdir(join(directory, 'cache')), ['site.json']);
});
