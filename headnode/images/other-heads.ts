import type { ImageSource } from '../../imgadm/index.ts';
import { HEAD_URI } from '../../agent/wire/roles.ts';
import type { Database } from '../db/database.ts';
import type { HeadIdentity } from '../pki/open-pki.ts';

export interface OtherHeadsOptions {
  readonly db: Database;
  readonly identity: HeadIdentity;
  /** This head's own URL for nodes, undefined when it has none. */
  url(): string | undefined;
}

/** The other head nodes that are alive, as sources of image files. */
export function otherHeads({ db, identity, url }: OtherHeadsOptions): () => Promise<readonly ImageSource[]> {
  const shown = { ca: identity.ca, cert: identity.certificate, key: identity.key, serverUri: HEAD_URI };
  return async () => {
    const rows = await db.query<{ url: string }>(
      `SELECT url FROM heads WHERE url IS NOT NULL AND url IS DISTINCT FROM $1 AND seen_at > now() - interval '1 minute' GROUP BY url ORDER BY max(seen_at) DESC LIMIT 8`,
      [url()],
    );
    return rows.map((row): ImageSource => ({ type: 'imgapi', url: row.url, identity: shown }));
  };
}
