/**
 * The head node's database as its users see it: PostgreSQL's dialect, whichever server speaks it (design §10). Values go
 * in as parameters, never as text.
 *
 * What a parameter may be: text, numbers, booleans, null (undefined is the same), `Date`, arrays for array columns
 * (`$1::text[]`), and JSON as text (`JSON.stringify(value)` for `$1::jsonb`), since an array would be taken for an SQL one.
 */

/** What can be asked inside and outside a transaction. */
export interface Queries {
  /**
   * Run one statement. JSON columns come back parsed, `timestamptz` as `Date`, `bigint` as a number.
   * @param sql with `$1`, `$2` … for `parameters`
   * @throws DatabaseUnreachable; what PostgreSQL itself refuses keeps its `code` (`23505` for a duplicate key)
   */
  query<Row extends object = Record<string, unknown>>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>;
}

export interface TransactionOptions {
  /**
   * `serializable` unless given: as if transactions ran one after the other, and the work is called again when that cannot be had.
   * With `read committed` the work takes its own locks (`SELECT … FOR UPDATE`, `pg_advisory_xact_lock`), which suits rows many wait for.
   */
  readonly isolation?: 'serializable' | 'read committed';
}

export interface Database extends Queries {
  readonly kind: 'pglite' | 'postgres';
  /**
   * Do work in one transaction; it is rolled back when the work throws. It may be called again on a serialization failure, so it must
   * have no other effect than its queries. Use only the queries it is given: in PGlite, `database.query` inside waits forever.
   */
  transaction<Result>(work: (queries: Queries) => Promise<Result>, options?: TransactionOptions): Promise<Result>;
  /**
   * Hear what is said on a channel by `SELECT pg_notify('channel', 'payload')`, in this process or another. The listener is called
   * with undefined when something may have been missed: it looks for itself then. Have a slow poll behind it all the same.
   * @param channel letters, digits and `_`
   * @returns what ends it
   */
  listen(channel: string, listener: (payload: string | undefined) => void): Promise<() => Promise<void>>;
  /** Statements as a library hands them over, several at a time when there are no values; for pg-boss. */
  executeSql(text: string, values?: readonly unknown[]): Promise<{ rows: Array<Record<string, unknown>> }>;
  close(): Promise<void>;
}

/** One step of the schema. Migrations run in the order of their numbers, once, each in a transaction, and only forward. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}
