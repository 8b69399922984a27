import type { Migration } from '../database.ts';

/** Servers and what their agents say, tasks, tickets, boot parameters, certificates, and the head processes themselves. */
export const serversMigration: Migration = {
  number: 1,
  name: 'servers',
  sql: `
    -- Secrets and figures that all head processes share: the sealed CA key, for one.
    CREATE TABLE settings (
      name text PRIMARY KEY,
      value jsonb NOT NULL
    );

    -- Head processes say here that they live; a server's liveness is known by the one that its heartbeats reach.
    CREATE TABLE heads (
      id uuid PRIMARY KEY,
      name text NOT NULL,
      -- Its URL for nodes, when it has one.
      url text,
      started_at timestamptz NOT NULL DEFAULT now(),
      seen_at timestamptz NOT NULL DEFAULT now()
    );

    CREATE TABLE servers (
      uuid uuid PRIMARY KEY,
      hostname text NOT NULL,
      setup boolean NOT NULL DEFAULT false,
      headnode boolean NOT NULL DEFAULT false,
      reserved boolean NOT NULL DEFAULT false,
      reservoir boolean NOT NULL DEFAULT false,
      status text NOT NULL DEFAULT 'unknown',
      transitional_status text NOT NULL DEFAULT '',
      -- What operators change and sysinfo tells, by the names of the wire; the columns above win.
      record jsonb NOT NULL DEFAULT '{}',
      sysinfo jsonb NOT NULL DEFAULT '{}',
      -- The latest status without its instances.
      figures jsonb NOT NULL DEFAULT '{}',
      vms jsonb NOT NULL DEFAULT '{}',
      boot_id uuid,
      sequence bigint NOT NULL DEFAULT -1,
      -- The head process that its heartbeats reach, and when that was last written down.
      head uuid,
      last_heartbeat timestamptz,
      last_boot timestamptz,
      created timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX servers_status ON servers (status);
    CREATE INDEX servers_hostname ON servers (hostname);

    CREATE TABLE tasks (
      id uuid PRIMARY KEY,
      req_id text NOT NULL,
      asked_by text NOT NULL,
      server_uuid uuid NOT NULL,
      task text NOT NULL,
      -- Null when it has ended: parameters may hold what belongs to a guest.
      params jsonb,
      status text NOT NULL DEFAULT 'active',
      -- Whether the agent has said that it has it.
      accepted boolean NOT NULL DEFAULT false,
      result jsonb,
      error jsonb,
      head uuid,
      deadline timestamptz NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      finished_at timestamptz
    );
    CREATE INDEX tasks_of_server ON tasks (server_uuid, created_at DESC);
    CREATE INDEX tasks_active ON tasks (created_at) WHERE status = 'active';

    CREATE TABLE tickets (
      uuid uuid PRIMARY KEY,
      number bigint GENERATED ALWAYS AS IDENTITY,
      -- A server's uuid or the word default.
      server_uuid text NOT NULL,
      scope text NOT NULL,
      id text NOT NULL,
      action text NOT NULL,
      reqid text NOT NULL,
      extra jsonb NOT NULL DEFAULT '{}',
      status text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL
    );
    CREATE INDEX tickets_waiting ON tickets (server_uuid, scope, id, number) WHERE status IN ('queued', 'active');
    CREATE INDEX tickets_of_server ON tickets (server_uuid, number);
    CREATE UNIQUE INDEX tickets_one_active ON tickets (server_uuid, scope, id) WHERE status = 'active';

    CREATE TABLE boot_params (
      -- A server's uuid or the word default.
      name text PRIMARY KEY,
      params jsonb NOT NULL
    );

    CREATE TABLE join_tokens (
      -- SHA-256 of the secret, which is never kept.
      digest text PRIMARY KEY,
      created_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL,
      used_at timestamptz,
      used_by uuid
    );

    CREATE TABLE certificates (
      fingerprint text PRIMARY KEY,
      holder text NOT NULL,
      issued_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL,
      revoked_at timestamptz
    );
    CREATE INDEX certificates_of_holder ON certificates (holder);
    CREATE INDEX certificates_revoked ON certificates (expires_at) WHERE revoked_at IS NOT NULL;
  `,
};
