import type { Database } from '../db/database.ts';

/** The certificates that were revoked before their end, as this process knows them. */
export interface Revocations {
  has(fingerprint: string): boolean;
  readonly list: () => readonly string[];
  /** Grows whenever the list changes. */
  readonly version: () => number;
  /** Read the list again, here and in every other process. */
  announce(): Promise<void>;
  close(): Promise<void>;
}

const CHANNEL = 'zonewright_certificates';
const POLL_MILLISECONDS = 30_000;

export async function openRevocations(database: Database): Promise<Revocations> {
  let revoked: ReadonlySet<string> = new Set();
  let version = 0;
  const read = async (): Promise<void> => {
    const rows = await database.query<{ fingerprint: string }>('SELECT fingerprint FROM certificates WHERE revoked_at IS NOT NULL AND expires_at > now() ORDER BY fingerprint');
    const fresh = rows.map(({ fingerprint }) => fingerprint);
    if (fresh.join() === [...revoked].join()) return;
    revoked = new Set(fresh);
    version += 1;
  };
  await read();
  // The list that is known stays good while the database is away.
  const reread = (): void => void read().catch(() => undefined);
  const stop = await database.listen(CHANNEL, reread);
  const poll = setInterval(reread, POLL_MILLISECONDS).unref();
  return {
    has: (fingerprint) => revoked.has(fingerprint),
    list: () => [...revoked],
    version: () => version,
    async announce() {
      await read();
      await database.query('SELECT pg_notify($1, $2)', [CHANNEL, '']);
    },
    async close() {
      clearInterval(poll);
      await stop();
    },
  };
}
