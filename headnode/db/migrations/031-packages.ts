import type { Migration } from '../database.ts';

/** Packages: sizes that instances are sold in. One name may have several versions. */
export const packagesMigration: Migration = {
  number: 31,
  name: 'packages',
  sql: `
    CREATE TABLE packages (
      uuid uuid PRIMARY KEY,
      name text NOT NULL,
      version text NOT NULL,
      active boolean NOT NULL,
      document jsonb NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (name, version)
    );
  `,
};
