import type { Migration } from '../database.ts';

/** The boot service: boots that happen once, and word of every change that its answers are made of. */
export const bootMigration: Migration = {
  number: 50,
  name: 'boot',
  sql: `
    -- The last platform that a server was to try, and how that went.
    CREATE TABLE boot_trials (
      server_uuid uuid PRIMARY KEY,
      platform text NOT NULL,
      -- How long the node has to say that it is healthy.
      seconds integer NOT NULL,
      asked_at timestamptz NOT NULL DEFAULT now(),
      handed_out_at timestamptz,
      ended_at timestamptz,
      outcome text,
      reason text
    );

    -- How a server boots the next time, and only then.
    CREATE TABLE boot_once (
      server_uuid uuid PRIMARY KEY,
      how text NOT NULL,
      asked_at timestamptz NOT NULL DEFAULT now()
    );

    -- The payload says whose answers may be other ones: a nic's holder, a server; empty for everybody's.
    CREATE FUNCTION boot_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      row_json jsonb := CASE TG_OP WHEN 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
    BEGIN
      PERFORM pg_notify('boot_changed', COALESCE(row_json->>TG_ARGV[0], ''));
      RETURN NULL;
    END
    $$;

    CREATE FUNCTION boot_changed_for_all() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_notify('boot_changed', '');
      RETURN NULL;
    END
    $$;

    -- Nics of instances come and go all the time, and have no part in booting.
    CREATE TRIGGER boot_nics_in AFTER INSERT OR UPDATE ON nics FOR EACH ROW WHEN (NEW.belongs_to_type <> 'zone') EXECUTE FUNCTION boot_changed('belongs_to_uuid');
    CREATE TRIGGER boot_nics_out AFTER DELETE ON nics FOR EACH ROW WHEN (OLD.belongs_to_type <> 'zone') EXECUTE FUNCTION boot_changed('everybody');
    CREATE TRIGGER boot_servers AFTER UPDATE OF hostname ON servers FOR EACH ROW WHEN (OLD.hostname IS DISTINCT FROM NEW.hostname) EXECUTE FUNCTION boot_changed('uuid');
    CREATE TRIGGER boot_servers_out AFTER DELETE ON servers FOR EACH ROW EXECUTE FUNCTION boot_changed('everybody');
    CREATE TRIGGER boot_trials_any AFTER INSERT OR UPDATE OR DELETE ON boot_trials FOR EACH ROW EXECUTE FUNCTION boot_changed('server_uuid');
    CREATE TRIGGER boot_once_any AFTER INSERT OR UPDATE OR DELETE ON boot_once FOR EACH ROW EXECUTE FUNCTION boot_changed('server_uuid');
    CREATE TRIGGER boot_networks AFTER INSERT OR DELETE OR UPDATE OF gateway, more, name ON networks FOR EACH STATEMENT EXECUTE FUNCTION boot_changed_for_all();
    CREATE TRIGGER boot_nic_tags AFTER UPDATE ON nic_tags FOR EACH STATEMENT EXECUTE FUNCTION boot_changed_for_all();

    -- A server's record shows the platform that it boots.
    CREATE FUNCTION boot_params_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP <> 'DELETE' AND NEW.name <> 'default' THEN
        UPDATE servers SET record = record || jsonb_build_object('boot_platform', COALESCE(NEW.params->>'platform', ''))
          WHERE uuid = NEW.name::uuid AND COALESCE(record->>'boot_platform', '') <> COALESCE(NEW.params->>'platform', '');
        PERFORM pg_notify('zonewright_servers', NEW.name);
      END IF;
      PERFORM pg_notify('boot_changed', CASE TG_OP WHEN 'DELETE' THEN '' ELSE CASE NEW.name WHEN 'default' THEN '' ELSE NEW.name END END);
      RETURN NULL;
    END
    $$;
    CREATE TRIGGER boot_params_any AFTER INSERT OR UPDATE OR DELETE ON boot_params FOR EACH ROW EXECUTE FUNCTION boot_params_changed();
  `,
};
