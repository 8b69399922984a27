import { createHash } from 'node:crypto';
import { isErrorCode } from '../../host/errors/errors.ts';
import { headErrors } from '../errors.ts';
import type { Database, Migration, Queries } from './database.ts';

/** Held while the schema changes, by all processes of all head nodes. The number is ours alone. */
const SCHEMA_LOCK = 7_310_455;

/**
 * Bring the schema up to date. What was applied is compared first: a step that has changed since, or that this version does
 * not know, means that another version of the program owns this database, and nothing is touched.
 * @throws DatabaseNewer, MigrationChanged, MigrationOutOfOrder, MigrationFailed
 */
export async function migrate(database: Database, migrations: readonly Migration[]): Promise<void> {
  const ordered = inOrder(migrations);
  await database.executeSql(TABLE);
  for (const migration of ordered) {
    await database.transaction((queries) => applyOne(queries, { migration, ordered, script: (sql) => runScript(queries, sql) }), { isolation: 'read committed' });
  }
  if (ordered.length === 0) await database.transaction((queries) => pending(queries, ordered));
}

// Two processes that make a table at the same moment: IF NOT EXISTS alone lets one of them fail. Statements that are sent
// together are one transaction.
const TABLE = `
  SELECT pg_advisory_xact_lock(${SCHEMA_LOCK});
  CREATE TABLE IF NOT EXISTS zonewright_migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
  );
`;

interface Step {
  readonly migration: Migration;
  readonly ordered: readonly Migration[];
  script(sql: string): Promise<void>;
}

async function applyOne(queries: Queries, { migration, ordered, script }: Step): Promise<void> {
  await queries.query('SELECT pg_advisory_xact_lock($1)', [SCHEMA_LOCK]);
  const waiting = await pending(queries, ordered);
  if (!waiting.includes(migration)) return;
  try {
    await script(migration.sql);
  } catch (error) {
    if (isErrorCode(error, 'DatabaseUnreachable')) throw error;
    throw headErrors.MigrationFailed({ migration: titleOf(migration), reason: error instanceof Error ? error.message : String(error) }, { cause: error });
  }
  await queries.query('INSERT INTO zonewright_migrations (number, name, sha256) VALUES ($1, $2, $3)', [migration.number, migration.name, digestOf(migration)]);
}

/** What is still to be applied, after everything that was has been found as it should be. */
async function pending(queries: Queries, ordered: readonly Migration[]): Promise<readonly Migration[]> {
  const applied = await queries.query<{ number: number; name: string; sha256: string }>('SELECT number, name, sha256 FROM zonewright_migrations ORDER BY number');
  for (const { number, name, sha256 } of applied) {
    const known = ordered.find((migration) => migration.number === number);
    if (!known) throw headErrors.DatabaseNewer({ migration: `${number}-${name}` });
    if (known.name !== name || digestOf(known) !== sha256) throw headErrors.MigrationChanged({ migration: `${number}-${name}` });
  }
  const newest = applied.at(-1)?.number ?? 0;
  const waiting = ordered.filter(({ number }) => !applied.some((one) => one.number === number));
  const late = waiting.find(({ number }) => number < newest);
  if (late) throw headErrors.MigrationOutOfOrder({ migration: titleOf(late), newest });
  return waiting;
}

function inOrder(migrations: readonly Migration[]): readonly Migration[] {
  const ordered = migrations.toSorted((one, other) => one.number - other.number);
  for (const [index, migration] of ordered.entries()) {
    if (migration.number === ordered[index + 1]?.number) throw new Error(`two migrations have the number ${migration.number}`);
  }
  return ordered;
}

/** Statements of a migration one by one, since a prepared statement is exactly one. */
async function runScript(queries: Queries, sql: string): Promise<void> {
  for (const statement of statementsOf(sql)) await queries.query(statement);
}

/**
 * The statements of a script, parted by semicolons at a line's end. A body in `$$ … $$` is kept whole.
 */
export function statementsOf(sql: string): readonly string[] {
  const statements: string[] = [];
  let current: string[] = [];
  let inBody = false;
  for (const line of sql.split('\n')) {
    if ((line.match(/\$\$/g)?.length ?? 0) % 2 === 1) inBody = !inBody;
    current.push(line);
    if (inBody || !/;\s*$/.test(line)) continue;
    statements.push(current.join('\n').trim());
    current = [];
  }
  return [...statements, current.join('\n').trim()].filter((statement) => statement !== '');
}

function digestOf({ sql }: Migration): string {
  return createHash('sha256').update(sql).digest('hex');
}

function titleOf({ number, name }: Migration): string {
  return `${String(number).padStart(3, '0')}-${name}`;
}
