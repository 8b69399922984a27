import type { Migration } from '../database.ts';

/** Nic tags, networks, pools, nics and addresses (control-plane §4). An address has a row only once it was used or reserved. */
export const networksMigration: Migration = {
  number: 21,
  name: 'networks',
  sql: `
    CREATE TABLE nic_tags (
      name text PRIMARY KEY,
      uuid uuid NOT NULL UNIQUE,
      mtu integer NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    );

    -- next_address: no address of the provision range below it was never used.
    CREATE TABLE networks (
      uuid uuid PRIMARY KEY,
      name text NOT NULL UNIQUE,
      family smallint NOT NULL,
      subnet cidr NOT NULL,
      nic_tag text NOT NULL REFERENCES nic_tags (name),
      vlan_id integer NOT NULL,
      provision_start inet NOT NULL,
      provision_end inet NOT NULL,
      next_address inet NOT NULL,
      gateway inet,
      owner_uuids text[] NOT NULL DEFAULT '{}',
      more jsonb NOT NULL DEFAULT '{}',
      created_at timestamptz NOT NULL DEFAULT now()
    );

    CREATE INDEX networks_nic_tag ON networks (nic_tag, vlan_id);

    -- The order of networks is the order in which they are tried.
    CREATE TABLE network_pools (
      uuid uuid PRIMARY KEY,
      name text NOT NULL UNIQUE,
      description text,
      networks uuid[] NOT NULL,
      owner_uuids text[] NOT NULL DEFAULT '{}',
      created_at timestamptz NOT NULL DEFAULT now()
    );

    -- slot: the caller's own key of a nic of this VM or server; asking for it twice gives one nic.
    CREATE TABLE nics (
      mac text PRIMARY KEY,
      belongs_to_uuid uuid NOT NULL,
      belongs_to_type text NOT NULL,
      owner_uuid text NOT NULL,
      network_uuid uuid REFERENCES networks (uuid),
      ip inet,
      slot integer,
      is_primary boolean NOT NULL DEFAULT false,
      state text NOT NULL,
      cn_uuid uuid,
      nic_tag text,
      vlan_id integer,
      nic_tags_provided text[] NOT NULL DEFAULT '{}',
      more jsonb NOT NULL DEFAULT '{}',
      created_at timestamptz NOT NULL DEFAULT now(),
      modified_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (belongs_to_uuid, slot)
    );

    CREATE INDEX nics_network ON nics (network_uuid);
    CREATE INDEX nics_cn ON nics (cn_uuid);
    CREATE INDEX nics_owner ON nics (owner_uuid);

    CREATE TABLE ips (
      network_uuid uuid NOT NULL REFERENCES networks (uuid) ON DELETE CASCADE,
      ip inet NOT NULL,
      reserved boolean NOT NULL DEFAULT false,
      owner_uuid text,
      belongs_to_type text,
      belongs_to_uuid uuid,
      mac text,
      freed_at timestamptz,
      PRIMARY KEY (network_uuid, ip)
    );

    CREATE INDEX ips_ip ON ips (ip);
    CREATE INDEX ips_belongs_to ON ips (belongs_to_uuid) WHERE belongs_to_uuid IS NOT NULL;
    CREATE INDEX ips_mac ON ips (mac) WHERE mac IS NOT NULL;
    CREATE INDEX ips_free ON ips (network_uuid, freed_at NULLS FIRST, ip) WHERE belongs_to_uuid IS NULL AND NOT reserved;
  `,
};
