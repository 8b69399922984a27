import type { Migration } from '../database.ts';

/** Accounts and their SSH public keys. A key may belong to several accounts, but has one name and one print in each. */
export const accountsMigration: Migration = {
  number: 30,
  name: 'accounts',
  sql: `
    CREATE TABLE accounts (
      uuid uuid PRIMARY KEY,
      login text NOT NULL,
      document jsonb NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE UNIQUE INDEX accounts_login ON accounts (lower(login));

    CREATE TABLE account_keys (
      account_uuid uuid NOT NULL REFERENCES accounts (uuid) ON DELETE CASCADE,
      fingerprint text NOT NULL,
      name text NOT NULL,
      sha256 text NOT NULL,
      openssh text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (account_uuid, fingerprint),
      UNIQUE (account_uuid, name)
    );
  `,
};
