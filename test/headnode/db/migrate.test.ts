import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Database, Migration } from '../../../headnode/db/database.ts';
import { migrate, statementsOf } from '../../../headnode/db/migrate.ts';
import { migrations } from '../../../headnode/db/migrations/index.ts';
import { openDatabase } from '../../../headnode/db/open-database.ts';

const first: Migration = { number: 1, name: 'fruit', sql: 'CREATE TABLE fruit (name text PRIMARY KEY);\nINSERT INTO fruit VALUES (\'apple\');' };
const second: Migration = { number: 2, name: 'colour', sql: "ALTER TABLE fruit ADD colour text NOT NULL DEFAULT 'green';" };
const third: Migration = { number: 3, name: 'broken', sql: 'ALTER TABLE fruit ADD size text;\nSELECT 1 / 0;' };

describe('migrations', () => {
  let directory: string;
  before(async () => void (directory = await mkdtemp(join(tmpdir(), 'zonewright-migrate-'))));
  after(async () => await rm(directory, { recursive: true, force: true }));

  it('are applied from nothing, then from the number before, once each', async () => {
    await within(join(directory, 'fruit'), [first], async (database) => {
      assert.deepEqual(await database.query('SELECT * FROM fruit'), [{ name: 'apple' }]);
    });
    await within(join(directory, 'fruit'), [second, first], async (database) => {
      assert.deepEqual(await database.query('SELECT * FROM fruit'), [{ name: 'apple', colour: 'green' }]);
      await migrate(database, [first, second]);
      assert.deepEqual(await database.query('SELECT number, name FROM zonewright_migrations ORDER BY number'), [{ number: 1, name: 'fruit' }, { number: 2, name: 'colour' }]);
    });
  });

  it('refuse a database of a newer version, of another build, and a step out of order, and leave it as it is', async () => {
    await within(join(directory, 'fruit'), [first, second], async (database) => {
      await assert.rejects(migrate(database, [first]), { code: 'DatabaseNewer', message: /2-colour/ });
      await assert.rejects(migrate(database, [first, { ...second, sql: 'ALTER TABLE fruit ADD other text;' }]), { code: 'MigrationChanged' });
      await assert.rejects(migrate(database, [{ number: 0, name: 'late', sql: 'CREATE TABLE late ();' }, first, second]), { code: 'MigrationOutOfOrder' });
      assert.deepEqual(await database.query("SELECT to_regclass('late') AS late"), [{ late: null }]);
    });
  });

  it('leave nothing of a step that fails', async () => {
    await within(join(directory, 'fruit'), [first, second], async (database) => {
      await assert.rejects(migrate(database, [first, second, third]), { code: 'MigrationFailed', message: /003-broken.*division by zero/ });
      assert.deepEqual(await database.query('SELECT * FROM fruit'), [{ name: 'apple', colour: 'green' }]);
    });
  });

  it('of this version are all applied, and their database is not opened twice', async () => {
    await within(join(directory, 'head'), migrations, async (database) => {
      assert.equal((await database.query('SELECT * FROM zonewright_migrations')).length, migrations.length);
      await assert.rejects(openDatabase({ kind: 'pglite', directory: join(directory, 'head') }), { code: 'DatabaseInUse' });
    });
  });

  it('are parted into statements at semicolons that end a line, bodies kept whole', () => {
    const body = 'CREATE FUNCTION f() RETURNS void AS $$\nBEGIN\n  NULL;\nEND;\n$$ LANGUAGE plpgsql;';
    assert.deepEqual(statementsOf(`SELECT 1;\n${body}\nSELECT\n 'a;b'\n`), ['SELECT 1;', body, "SELECT\n 'a;b'"]);
  });
});

async function within(directory: string, steps: readonly Migration[], work: (database: Database) => Promise<void>): Promise<void> {
  const database = await openDatabase({ kind: 'pglite', directory }, steps);
  try {
    await work(database);
  } finally {
    await database.close();
  }
}
