/**
 * Machines that boot from the network before anybody has said what they are. Each gets an address of the admin network's provision range
 * for its MAC address (control-plane §5.1), which it keeps; when it says which server it is, the nic becomes that server's.
 */
import { createHash } from 'node:crypto';
import type { Database } from '../db/database.ts';
import { provisionNic } from '../networks/provision.ts';

/** The operators' own account, to which servers belong. */
const ADMIN_OWNER = '00000000-0000-0000-0000-000000000000';

/** Give a machine its address. Asked again, it has the same one. @throws SubnetFull, InvalidParameters when the MAC address is an instance's */
export async function takeInMachine(database: Database, networkUuid: string, mac: string): Promise<void> {
  const [network] = await database.query<{ nic_tag: string }>('SELECT nic_tag FROM networks WHERE uuid = $1', [networkUuid]);
  await provisionNic(database, networkUuid, {
    mac,
    owner_uuid: ADMIN_OWNER,
    belongs_to_uuid: unclaimedHolder(mac),
    belongs_to_type: 'other',
    slot: 0,
    primary: true,
    state: 'running',
    nic_tags_provided: network ? [network.nic_tag] : [],
  });
}

/** Nics that machines got at first sight become the server's that says it has them. Nobody else's nic does. @returns whether there were any */
export async function claimMachine(database: Database, serverUuid: string, macs: readonly string[]): Promise<boolean> {
  const claimed = await database.query(
    `WITH claimed AS (
       UPDATE nics SET belongs_to_uuid = $1, belongs_to_type = 'server', cn_uuid = $1, slot = NULL, modified_at = now()
       FROM unnest($2::text[], $3::uuid[]) AS told (mac, holder) WHERE nics.mac = told.mac AND nics.belongs_to_uuid = told.holder RETURNING nics.mac)
     UPDATE ips SET belongs_to_uuid = $1, belongs_to_type = 'server' FROM claimed WHERE ips.mac = claimed.mac RETURNING ips.mac`,
    [serverUuid, macs, macs.map(unclaimedHolder)],
  );
  return claimed.length > 0;
}

/** Whom the nic of a machine belongs to that nobody has claimed: a uuid that only this MAC address gives. */
function unclaimedHolder(mac: string): string {
  const digest = createHash('sha256').update(`unclaimed machine ${mac}`).digest('hex');
  // Version 8 of RFC 9562: ours to fill.
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-a${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}
