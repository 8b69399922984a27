import type { Migration } from '../database.ts';

/** Machines that ask to become nodes, and what is handed to those that may. */
export const joinRequestsMigration: Migration = {
  number: 51,
  name: 'join requests',
  sql: `
    CREATE TABLE join_requests (
      uuid uuid NOT NULL,
      -- SHA-256 of its public key.
      key text NOT NULL,
      csr text NOT NULL,
      -- SHA-256 of the secret that it shows each time.
      secret text NOT NULL,
      sysinfo jsonb NOT NULL,
      -- From where it asks.
      address text NOT NULL,
      first_seen timestamptz NOT NULL DEFAULT now(),
      seen_at timestamptz NOT NULL DEFAULT now(),
      -- The job that sets it up, once somebody has approved of it, and how: sealed, since it has the root password's hash.
      job uuid,
      approved_at timestamptz,
      setup text,
      handed_at timestamptz,
      -- What the machine tells while it is set up.
      states jsonb NOT NULL DEFAULT '[]',
      failure text,
      PRIMARY KEY (uuid, key)
    );
    CREATE INDEX join_requests_seen ON join_requests (seen_at);
  `,
};
