import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { isSystemError } from '../../host/errors/errors.ts';
import { headErrors } from '../errors.ts';
import type { Database, Queries, TransactionOptions } from './database.ts';
import { openListener } from './postgres-listener.ts';
import { retrySerialization, sqlState } from './retry.ts';

const CONNECT_SECONDS = 10;
const STATEMENT_MILLISECONDS = 120_000;
const CONNECTIONS = 20;
/** A new connection is a process of the server's that knows nothing yet. */
const IDLE_MILLISECONDS = 5 * 60 * 1000;

/** Any PostgreSQL server. It may go away and come back: what is asked meanwhile waits a while, then fails with DatabaseUnreachable. */
export async function openPostgres(url: string): Promise<Database> {
  const connection = { connectionString: url, types: { getTypeParser }, application_name: 'zonewright-head', connectionTimeoutMillis: CONNECT_SECONDS * 1000 };
  const pool = new pg.Pool({ ...connection, max: CONNECTIONS, idleTimeoutMillis: IDLE_MILLISECONDS, statement_timeout: STATEMENT_MILLISECONDS, idle_in_transaction_session_timeout: STATEMENT_MILLISECONDS });
  // An idle connection that breaks is dropped by the pool; who asks next gets another one.
  pool.on('error', () => undefined);
  const listener = openListener(connection);
  const use = async <Result>(work: (client: pg.PoolClient) => Promise<Result>, { once = false } = {}): Promise<Result> => {
    const client = await connected(pool);
    // A connection that breaks while it is ours says so here as well as in the query.
    client.on('error', ignore);
    let broken = false;
    try {
      return await work(client);
    } catch (error) {
      broken = once || isConnectionLoss(error);
      throw isConnectionLoss(error) ? unreachable(error) : error;
    } finally {
      client.off('error', ignore);
      client.release(broken);
    }
  };
  const database: Database = {
    kind: 'postgres',
    query: (sql, parameters) => use((client) => queriesOf(client).query(sql, parameters)),
    transaction: (work, options) => retrySerialization(() => use((client) => transact(client, work, options))),
    listen: listener.listen,
    // Its text may hold a BEGIN; a connection on which that failed is not for anybody else.
    executeSql: (text, values) => use(async (client) => rowsOf(await client.query(values && values.length > 0 ? { text, values: values.map(orNull) } : { text })), { once: true }),
    async close() {
      await listener.close();
      await pool.end();
    },
  };
  try {
    await database.query('SELECT 1');
  } catch (error) {
    await database.close();
    throw sqlState(error) === undefined ? error : unreachable(error);
  }
  return database;
}

function queriesOf(client: pg.PoolClient): Queries {
  return {
    async query<Row extends object>(sql: string, parameters: readonly unknown[] = []) {
      const { rows } = await client.query<Row>(sql, parameters.map(orNull));
      return rows;
    },
  };
}

async function transact<Result>(client: pg.PoolClient, work: (queries: Queries) => Promise<Result>, { isolation = 'serializable' }: TransactionOptions = {}): Promise<Result> {
  await client.query(`BEGIN ISOLATION LEVEL ${isolation}`);
  try {
    const result = await work(queriesOf(client));
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // A connection that is gone took the transaction with it.
    if (!isConnectionLoss(error)) await client.query('ROLLBACK');
    throw error;
  }
}

/** Nothing was asked yet, so trying again is safe. */
async function connected(pool: pg.Pool): Promise<pg.PoolClient> {
  const deadline = Date.now() + CONNECT_SECONDS * 1000;
  for (;;) {
    try {
      return await pool.connect();
    } catch (error) {
      if (!isConnectionLoss(error)) throw error;
      if (Date.now() >= deadline) throw unreachable(error);
    }
    await sleep(100 + Math.random() * 200);
  }
}

/** Class 08 and 57P01–57P05: the server goes down, starts, or ended the session. */
function isConnectionLoss(error: unknown): boolean {
  if (isSystemError(error, 'ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN')) return true;
  if (/^(08...|57P0[1-5])$/.test(sqlState(error) ?? '')) return true;
  return error instanceof Error && /Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|connection is closed|not queryable/i.test(error.message);
}

/** The reason never quotes the connection's URL, which holds a password. */
function unreachable(error: unknown): Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  const reason = sqlState(error) === undefined ? (code ?? 'the connection was lost') : (error as Error).message;
  return headErrors.DatabaseUnreachable({ reason }, { cause: error });
}

type Parser = (value: string) => unknown;

function getTypeParser(oid: number, format?: 'text' | 'binary'): Parser {
  if (oid === pg.types.builtins.INT8 && format !== 'binary') return Number;
  return pg.types.getTypeParser(oid, format as 'text');
}

function rowsOf(result: unknown): { rows: Array<Record<string, unknown>> } {
  const results = Array.isArray(result) ? result : [result];
  return { rows: results.flatMap((one: { rows?: Array<Record<string, unknown>> }) => one.rows ?? []) };
}

function orNull(value: unknown): unknown {
  return value ?? null;
}

function ignore(): void {}
