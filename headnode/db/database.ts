/**
 * The head node's database as its users see it: PostgreSQL's dialect, whichever server speaks it (design §10). Values go
 * in as parameters, never as text.
 */

/** What can be asked inside and outside a transaction. */
export interface Queries {
  /**
   * Run one statement. JSON columns come back parsed, `timestamptz` as `Date`, `bigint` as a number.
   * @param sql with `$1`, `$2` … for `parameters`
   */
  query<Row extends object = Record<string, unknown>>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>;
}

export interface Database extends Queries {
  readonly kind: 'pglite' | 'postgres';
  /** Do work in one transaction; it is rolled back when the work throws. It may be called again on a serialization failure. */
  transaction<Result>(work: (queries: Queries) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** One step of the schema. Migrations run in the order of their numbers, once, each in a transaction, and only forward. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}
