/** What every kind of database promises, held by PGlite and by a PostgreSQL server alike. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Database, Migration } from '../../../headnode/db/database.ts';
import { openDatabase } from '../../../headnode/db/open-database.ts';
import { sqlState } from '../../../headnode/db/retry.ts';
import { until } from '../support/head.ts';

const steps: readonly Migration[] = [{ number: 1, name: 'counters', sql: "CREATE TABLE counters (name text PRIMARY KEY, value bigint NOT NULL);\nINSERT INTO counters VALUES ('a', 0);" }];

for (const kind of ['pglite', 'private-postgres'] as const) {
  describe(`a database in ${kind}`, () => {
    let directory: string;
    let database: Database;
    before(async () => {
      directory = await mkdtemp(join(tmpdir(), 'zonewright-database-'));
      database = await openDatabase({ kind, directory }, steps);
    });
    after(async () => {
      await database.close();
      await rm(directory, { recursive: true, force: true });
    });

    it('gives values as programs use them', async () => {
      const at = new Date('2026-11-21T12:00:00.123Z');
      const [row] = await database.query('SELECT $1::jsonb AS json, $2::timestamptz AS at, $3::text[] AS list, $4::bigint AS big, $5::text AS nothing, $6::boolean AS yes, count(*) AS count FROM counters', [
        JSON.stringify([{ a: 1 }]),
        at,
        ['x', 'y,z'],
        2 ** 40,
        undefined,
        true,
      ]);
      assert.deepEqual(row, { json: [{ a: 1 }], at, list: ['x', 'y,z'], big: 2 ** 40, nothing: null, yes: true, count: 1 });
    });

    it('takes what would be SQL in a value as a value', async () => {
      const name = "x'; DROP TABLE counters; --";
      await database.query('INSERT INTO counters VALUES ($1, 1)', [name]);
      assert.deepEqual(await database.query('DELETE FROM counters WHERE name = $1 RETURNING name', [name]), [{ name }]);
    });

    it('does transactions as if one came after the other: concurrent read-and-write loses nothing', async () => {
      await Promise.all(
        Array.from({ length: 25 }, () =>
          database.transaction(async (queries) => {
            const [row] = await queries.query<{ value: number }>("SELECT value FROM counters WHERE name = 'a'");
            await queries.query("UPDATE counters SET value = $1 WHERE name = 'a'", [(row?.value ?? 0) + 1]);
          }),
        ),
      );
      assert.deepEqual(await database.query("SELECT value FROM counters WHERE name = 'a'"), [{ value: 25 }]);
    });

    it('rolls back what throws, and goes on', async () => {
      await assert.rejects(
        database.transaction(async (queries) => {
          await queries.query("INSERT INTO counters VALUES ('b', 1)");
          throw new Error('no');
        }),
        /^Error: no$/,
      );
      const failure: unknown = await database.query("INSERT INTO counters VALUES ('a', 1)").catch((error: unknown) => error);
      assert.equal(sqlState(failure), '23505');
      assert.deepEqual(await database.query("SELECT name FROM counters WHERE name = 'b'"), []);
    });

    it('lets listeners hear what was committed, and nothing of what was not', async () => {
      const heard: Array<string | undefined> = [];
      const stop = await database.listen('zonewright_test', (payload) => heard.push(payload));
      await database.transaction(async (queries) => {
        await queries.query("SELECT pg_notify('zonewright_test', 'lost')");
        throw new Error('no');
      }).catch(() => undefined);
      await database.query("SELECT pg_notify('zonewright_test', $1)", ['kept']);
      await until(() => heard.includes('kept'));
      await stop();
      assert.deepEqual(heard, ['kept']);
    });

    it('runs several statements at a time for a library, and stays usable when they fail half-way', async () => {
      await assert.rejects(database.executeSql('BEGIN; CREATE TABLE half (); SELECT 1 / 0; COMMIT;'));
      const { rows } = await database.executeSql('SELECT 1 AS a; SELECT 2 AS a;');
      assert.deepEqual(rows, [{ a: 1 }, { a: 2 }]);
      assert.deepEqual(await database.query("SELECT to_regclass('half') AS half"), [{ half: null }]);
    });

    it('keeps what it has when it is opened again', async () => {
      await database.close();
      database = await openDatabase({ kind, directory }, steps);
      assert.deepEqual(await database.query("SELECT value FROM counters WHERE name = 'a'"), [{ value: 25 }]);
    });
  });
}

it('a PostgreSQL server that is not there is told so, without its password', async () => {
  const error = (await openDatabase({ kind: 'url', url: 'postgres://someone:hush@127.0.0.1:1/zonewright' }).catch((reason: unknown) => reason)) as Error & { code: string };
  assert.equal(error.code, 'DatabaseUnreachable');
  assert.ok(!error.message.includes('hush'));
});
