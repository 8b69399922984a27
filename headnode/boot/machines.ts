import type { Database } from '../db/database.ts';
import type { WireObject } from '../services.ts';

/**
 * All servers, and machines that have booted from the network and are none yet, with what they boot: as people look at them.
 * @param address the head's own on the admin network, which says which network that is
 */
export async function listMachines(database: Database, address: string | undefined): Promise<readonly WireObject[]> {
  return await database.query(
    `SELECT c.mac, c.ip, s.uuid AS server_uuid, s.hostname, COALESCE(own.params->>'platform', fallback.params->>'platform') AS platform, s.record->>'current_platform' AS current_platform,
       o.how AS once, t.platform AS trial, ${TRIAL_STATE} AS trial_state, t.reason AS trial_reason
     FROM servers s
       FULL JOIN (SELECT nics.mac, host(nics.ip) AS ip, nics.belongs_to_uuid AS holder FROM nics JOIN networks n ON n.uuid = nics.network_uuid
                  WHERE nics.ip IS NOT NULL AND nics.belongs_to_type <> 'zone' AND $1::inet << n.subnet) c ON c.holder = s.uuid
       LEFT JOIN boot_params own ON own.name = s.uuid::text
       LEFT JOIN boot_params fallback ON fallback.name = 'default'
       LEFT JOIN boot_trials t ON t.server_uuid = s.uuid
       LEFT JOIN boot_once o ON o.server_uuid = s.uuid
     ORDER BY s.hostname NULLS LAST, c.mac`,
    [address],
  );
}

/** A node that came up with another platform after the trial was handed out did not come up with that one. */
const TRIAL_STATE = `
  CASE WHEN t.server_uuid IS NULL THEN NULL
    WHEN t.outcome IS NOT NULL THEN t.outcome
    WHEN t.handed_out_at IS NULL THEN 'waiting'
    WHEN s.last_boot > t.handed_out_at AND s.record->>'current_platform' <> t.platform THEN 'reverted'
    ELSE 'booting' END`;
