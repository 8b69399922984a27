import type { Migration } from '../database.ts';

/** Images: manifests as they are on the wire, and what is known of their files, which lie on disk under their digests. */
export const imagesMigration: Migration = {
  number: 40,
  name: 'images',
  sql: `
    CREATE TABLE images (
      uuid uuid PRIMARY KEY,
      manifest jsonb NOT NULL,
      file jsonb,
      owner text NOT NULL GENERATED ALWAYS AS (manifest->>'owner') STORED,
      state text NOT NULL GENERATED ALWAYS AS (manifest->>'state') STORED,
      public boolean NOT NULL GENERATED ALWAYS AS ((manifest->>'public')::boolean) STORED,
      origin text GENERATED ALWAYS AS (manifest->>'origin') STORED,
      sha256 text GENERATED ALWAYS AS (file->>'sha256') STORED,
      -- Lists are in the order of publication; what was not published yet comes last.
      position text COLLATE "C" NOT NULL GENERATED ALWAYS AS (coalesce(manifest->>'published_at', '9999')) STORED
    );
    CREATE INDEX images_position ON images (state, position, uuid);
    CREATE INDEX images_owner ON images (owner);
    CREATE INDEX images_origin ON images (origin) WHERE origin IS NOT NULL;
    CREATE INDEX images_sha256 ON images (sha256) WHERE sha256 IS NOT NULL;
  `,
};
