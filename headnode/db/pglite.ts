import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite, type PGliteInterface, type Transaction } from '@electric-sql/pglite';
import { tryLock } from '../../host/lock/lock.ts';
import { headErrors } from '../errors.ts';
import type { Database, Queries, TransactionOptions } from './database.ts';
import { retrySerialization } from './retry.ts';

/** PostgreSQL inside this process, for a first try and for tests. @throws DatabaseInUse when another process has the directory */
export async function openPglite(directory?: string): Promise<Database> {
  const lock = directory === undefined ? undefined : await tryLock({ scope: directory, name: 'pglite' });
  if (directory !== undefined && !lock) throw headErrors.DatabaseInUse({ directory });
  if (directory !== undefined) await mkdir(directory, { recursive: true, mode: 0o700 });
  const pglite = await PGlite.create(directory === undefined ? {} : { dataDir: join(directory, 'pglite') });
  return {
    kind: 'pglite',
    query: queriesOf(pglite).query,
    transaction: (work, options) => retrySerialization(() => transact(pglite, work, options)),
    async listen(channel, listener) {
      const stop = await pglite.listen(channel, (payload) => listener(payload));
      return () => stop();
    },
    async executeSql(text, values) {
      if (values && values.length > 0) return await pglite.query<Record<string, unknown>>(text, values.map(orNull));
      try {
        return { rows: (await pglite.exec(text)).flatMap(({ rows }) => rows) };
      } catch (error) {
        // A BEGIN in it would keep everything else out.
        await pglite.exec('ROLLBACK');
        throw error;
      }
    },
    async close() {
      await pglite.close();
      await lock?.release();
    },
  };
}

function queriesOf(queryable: Pick<PGliteInterface | Transaction, 'query'>): Queries {
  return {
    async query<Row extends object>(sql: string, parameters: readonly unknown[] = []) {
      const { rows } = await queryable.query<Row>(sql, parameters.map(orNull));
      return rows;
    },
  };
}

async function transact<Result>(pglite: PGlite, work: (queries: Queries) => Promise<Result>, { isolation = 'serializable' }: TransactionOptions = {}): Promise<Result> {
  return await pglite.transaction(async (transaction) => {
    await transaction.exec(`SET TRANSACTION ISOLATION LEVEL ${isolation}`);
    return await work(queriesOf(transaction));
  });
}

function orNull(value: unknown): unknown {
  return value ?? null;
}
