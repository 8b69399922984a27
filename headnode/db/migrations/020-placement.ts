import type { Migration } from '../database.ts';

/** Places that are promised to VMs which their node does not report yet. */
export const placementMigration: Migration = {
  number: 20,
  name: 'placement',
  sql: `
    -- One row for each server that was ever chosen. Its lock orders the reservations on that server and no others.
    CREATE TABLE placement_servers (
      server_uuid uuid PRIMARY KEY,
      version bigint NOT NULL DEFAULT 1
    );

    -- ram and disk in MiB, cpu in percent of a core; as asked for, without overprovisioning or overhead.
    CREATE TABLE placement_reservations (
      vm_uuid uuid PRIMARY KEY,
      server_uuid uuid NOT NULL,
      owner_uuid text,
      brand text,
      ram double precision NOT NULL,
      disk double precision NOT NULL,
      cpu double precision NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      -- When the node first reported the VM: from then on its own figures count.
      seen_at timestamptz,
      expires_at timestamptz NOT NULL
    );

    CREATE INDEX placement_reservations_server ON placement_reservations (server_uuid);
  `,
};
