import type { Migration } from '../database.ts';

/** VMs, as their nodes told of them last. */
export const vmsMigration: Migration = {
  number: 11,
  name: 'vms',
  sql: `
    CREATE TABLE vms (
      uuid uuid PRIMARY KEY,
      -- The object of the wire.
      vm jsonb NOT NULL,
      server_uuid uuid,
      -- The head node's own word, stronger than a node's: provisioning while the create job has it, failed when that came to nothing.
      held text CHECK (held IN ('provisioning', 'failed')),
      -- The job that last changed it by the head node's word.
      job_uuid uuid,
      -- Why it failed.
      reason text,
      -- Whether all properties are known, and not only those of a status.
      detailed boolean NOT NULL DEFAULT false,
      -- When a task's result was last taken over: a report that was under way then may be older.
      word_at timestamptz,
      destroyed_at timestamptz,
      changed_at timestamptz NOT NULL DEFAULT now(),
      state text NOT NULL GENERATED ALWAYS AS (coalesce(vm ->> 'state', 'unknown')) STORED,
      owner_uuid text GENERATED ALWAYS AS (vm ->> 'owner_uuid') STORED,
      alias text GENERATED ALWAYS AS (vm ->> 'alias') STORED,
      brand text GENERATED ALWAYS AS (vm ->> 'brand') STORED,
      image_uuid text GENERATED ALWAYS AS (coalesce(vm ->> 'image_uuid', vm -> 'disks' -> 0 ->> 'image_uuid')) STORED,
      billing_id text GENERATED ALWAYS AS (vm ->> 'billing_id') STORED,
      create_timestamp text GENERATED ALWAYS AS (vm ->> 'create_timestamp') STORED,
      ram numeric GENERATED ALWAYS AS (CASE WHEN jsonb_typeof(vm -> 'ram') = 'number' THEN (vm -> 'ram')::numeric WHEN jsonb_typeof(vm -> 'max_physical_memory') = 'number' THEN (vm -> 'max_physical_memory')::numeric END) STORED,
      active boolean NOT NULL GENERATED ALWAYS AS (coalesce(vm ->> 'state', 'unknown') NOT IN ('destroyed', 'failed')) STORED
    );
    CREATE INDEX vms_active ON vms (uuid DESC) WHERE active;
    CREATE INDEX vms_of_owner ON vms (owner_uuid, uuid DESC);
    CREATE INDEX vms_of_owner_by_time ON vms (owner_uuid, create_timestamp DESC, uuid DESC);
    CREATE INDEX vms_by_time ON vms (create_timestamp DESC, uuid DESC);
    CREATE INDEX vms_of_server ON vms (server_uuid);
    CREATE INDEX vms_by_state ON vms (state, uuid DESC) INCLUDE (server_uuid, held);
    CREATE INDEX vms_by_alias ON vms (alias);
    CREATE INDEX vms_by_image ON vms (image_uuid);
    CREATE INDEX vms_by_package ON vms (billing_id);
    CREATE INDEX vms_tags ON vms USING gin ((vm -> 'tags')) WHERE active;

    -- Servers that are silent now: what they run is not known.
    CREATE TABLE silent_servers (
      server_uuid uuid PRIMARY KEY,
      since timestamptz NOT NULL DEFAULT now()
    );
  `,
};
