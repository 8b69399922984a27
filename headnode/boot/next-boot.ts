/**
 * Boots that are not the usual one: a platform on trial, or rescue. Each is handed out once, and the database has it before the
 * script is sent: a machine that fails and asks again gets what it had before.
 */
import type { Database } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import { mergeBootParams } from './boot-params.ts';

export type NextBoot = { readonly kind: 'usual' } | { readonly kind: 'rescue' } | { readonly kind: 'trial'; readonly platform: string; readonly seconds: number };

/** How long a node on trial has to say that it is healthy. */
export const TRIAL_SECONDS = 600;

/** Let a server try a platform at its next boot. An earlier trial that was not handed out is forgotten. */
export async function askForTrial(database: Database, serverUuid: string, { platform, seconds = TRIAL_SECONDS }: { readonly platform: string; readonly seconds?: number }): Promise<void> {
  await database.query(
    `INSERT INTO boot_trials (server_uuid, platform, seconds) VALUES ($1, $2, $3)
     ON CONFLICT (server_uuid) DO UPDATE SET platform = excluded.platform, seconds = excluded.seconds, asked_at = now(), handed_out_at = NULL, ended_at = NULL, outcome = NULL, reason = NULL`,
    [serverUuid, platform, seconds],
  );
}

/** Boot a server into rescue at its next boot, or not after all. */
export async function askForRescue(database: Database, serverUuid: string, wanted: boolean): Promise<void> {
  if (wanted) await database.query("INSERT INTO boot_once (server_uuid, how) VALUES ($1, 'rescue') ON CONFLICT (server_uuid) DO UPDATE SET how = excluded.how, asked_at = now()", [serverUuid]);
  else await database.query('DELETE FROM boot_once WHERE server_uuid = $1', [serverUuid]);
}

/** What a server boots now. What was asked for once is used up when this returns. */
export async function takeNextBoot(database: Database, serverUuid: string): Promise<NextBoot> {
  const [once] = await database.query('DELETE FROM boot_once WHERE server_uuid = $1 RETURNING how', [serverUuid]);
  if (once) return { kind: 'rescue' };
  const [trial] = await database.query<{ platform: string; seconds: number }>(
    'UPDATE boot_trials SET handed_out_at = now() WHERE server_uuid = $1 AND handed_out_at IS NULL AND ended_at IS NULL RETURNING platform, seconds',
    [serverUuid],
  );
  return trial ? { kind: 'trial', ...trial } : { kind: 'usual' };
}

export interface TrialEnd {
  readonly platform: string;
  readonly outcome: 'healthy' | 'failed';
  readonly reason?: string | undefined;
}

/** A node has said how its trial went. When well, the platform is its own from now on. @returns whether there was such a trial */
export async function endTrial(database: Database, serverUuid: string, { platform, outcome, reason }: TrialEnd): Promise<boolean> {
  const [ended] = await database.query(
    `UPDATE boot_trials SET ended_at = now(), outcome = $3, reason = $4 WHERE server_uuid = $1 AND platform = $2 AND handed_out_at IS NOT NULL AND ended_at IS NULL RETURNING platform`,
    [serverUuid, platform, outcome, reason],
  );
  if (ended && outcome === 'healthy') await assignPlatform(database, serverUuid, platform);
  return ended !== undefined;
}

/** Let a server boot a platform from now on. A trial that waits is forgotten. */
export async function assignPlatform(database: Database, serverUuid: string, platform: string): Promise<void> {
  await mergeBootParams(database, serverUuid, { platform });
  await database.query('DELETE FROM boot_trials WHERE server_uuid = $1 AND handed_out_at IS NULL', [serverUuid]);
}

/** Do not try it after all. @throws ResourceNotFound when no trial waits */
export async function forgetTrial(database: Database, serverUuid: string): Promise<void> {
  const [forgotten] = await database.query('DELETE FROM boot_trials WHERE server_uuid = $1 AND handed_out_at IS NULL RETURNING platform', [serverUuid]);
  if (!forgotten) throw headErrors.ResourceNotFound({ what: `a trial of server ${serverUuid} that waits` });
}
