import { setTimeout as sleep } from 'node:timers/promises';

const SERIALIZATION_FAILURE = '40001';
const DEADLOCK_DETECTED = '40P01';
const MOST_TRIES = 40;
const LONGEST_PAUSE_MILLISECONDS = 250;

/** Do a transaction again as long as the database says that it could not be fitted between the others. */
export async function retrySerialization<Result>(attempt: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (tries >= MOST_TRIES || ![SERIALIZATION_FAILURE, DEADLOCK_DETECTED].includes(sqlState(error) ?? '')) throw error;
      // Those that collided must not meet again at the same moment.
      await sleep(Math.random() * Math.min(LONGEST_PAUSE_MILLISECONDS, 5 * 2 ** tries));
    }
  }
}

/** PostgreSQL's code of a failure, `23505` for a duplicate key; undefined when the failure is not PostgreSQL's. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined;
}
