import type { Migration } from '../database.ts';

/** Jobs: what was asked for, how far it is, what each step left. Rows stay, they are the audit trail of their VMs. */
export const jobsMigration: Migration = {
  number: 10,
  name: 'jobs',
  sql: `
    CREATE TABLE jobs (
      uuid uuid PRIMARY KEY,
      sequence bigint GENERATED ALWAYS AS IDENTITY,
      name text NOT NULL,
      execution text NOT NULL DEFAULT 'queued',
      -- Jobs of one lock run one at a time.
      lock text NOT NULL,
      vm_uuid uuid,
      server_uuid uuid,
      params jsonb NOT NULL DEFAULT '{}',
      -- What steps leave for later ones. Not told to anyone, since it may hold what belongs to a guest; emptied at the end.
      state jsonb NOT NULL DEFAULT '{}',
      asker jsonb NOT NULL,
      chain_results jsonb NOT NULL DEFAULT '[]',
      onerror_results jsonb NOT NULL DEFAULT '[]',
      -- The step in hand.
      at_step integer NOT NULL DEFAULT 0,
      -- While steps are taken back: the one in hand; null before.
      undo_step integer,
      failure text,
      -- Which claim of it is the valid one: a process whose claim was taken over can write nothing more.
      attempt integer NOT NULL DEFAULT 0,
      -- Whether nothing is left to be done for it; a failed job may still have something to take back.
      settled boolean NOT NULL DEFAULT false,
      created_at timestamptz NOT NULL DEFAULT now(),
      started_at timestamptz,
      finished_at timestamptz
    );
    CREATE INDEX jobs_newest ON jobs (sequence DESC);
    CREATE INDEX jobs_of_vm ON jobs (vm_uuid, sequence DESC);
    CREATE INDEX jobs_by_execution ON jobs (execution, sequence DESC);
    CREATE INDEX jobs_by_name ON jobs (name, sequence DESC);
    CREATE INDEX jobs_unsettled ON jobs (lock) WHERE NOT settled;
  `,
};
