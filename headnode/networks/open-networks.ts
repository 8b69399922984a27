import type { Database } from '../db/database.ts';
import type { Networks, Servers } from '../services.ts';
import { adoptServerNics, adoptVm } from './adopt.ts';
import { networkingOf } from './networking.ts';
import { findNetwork, listNetworks, networkObject } from './networks.ts';
import { nicObject, nicsOfHolder } from './nics.ts';
import { findPool, listPools, poolObject } from './pools.ts';
import { provisionNic } from './provision.ts';
import { FREED } from './take-address.ts';

/**
 * The networks of the fleet. All of its state is in the database, so any number of processes may have it open.
 * @param servers whose own nics are taken over when they report; nobody's without it
 */
export function openNetworks({ db, servers }: { readonly db: Database; readonly servers?: Pick<Servers, 'get' | 'onReport'> }): Networks {
  servers?.onReport(async ({ serverUuid }) => {
    const server = await servers.get(serverUuid);
    // A machine that only asks to be set up may say whatever it likes.
    if (server?.setup || server?.['setting_up'] === true) await adoptServerNics(db, server);
  });
  return {
    async list({ provisionableBy, name, nicTag }) {
      const filter = { provisionable_by: provisionableBy, name: name === undefined ? undefined : [name], nic_tag: nicTag === undefined ? undefined : [nicTag] };
      const networks = await listNetworks(db, filter);
      return [...networks.map(networkObject), ...(await listPools(db, filter)).map(poolObject)];
    },
    async get(idOrName) {
      const network = await findNetwork(db, idOrName);
      if (network) return networkObject(network);
      const pool = await findPool(db, idOrName);
      return pool && poolObject(pool);
    },
    async provisionNic(network, { ownerUuid, belongsToUuid, belongsToType, index, ip, primary, cnUuid, nicTagsAvailable }) {
      const nic = await provisionNic(db, network, {
        owner_uuid: ownerUuid,
        belongs_to_uuid: belongsToUuid,
        belongs_to_type: belongsToType,
        slot: index,
        state: 'provisioning',
        ip,
        primary,
        cn_uuid: cnUuid,
        nic_tags_available: nicTagsAvailable && [...nicTagsAvailable],
      });
      return nicObject(nic);
    },
    async nicsOf(belongsToUuid) {
      return (await nicsOfHolder(db, belongsToUuid)).map(nicObject);
    },
    async releaseNics(belongsToUuid, macs) {
      await db.transaction(
        async (queries) => {
          await queries.query('DELETE FROM nics WHERE belongs_to_uuid = $1 AND ($2::text[] IS NULL OR mac = ANY($2))', [belongsToUuid, macs]);
          await queries.query(`UPDATE ips SET ${FREED} WHERE belongs_to_uuid = $1 AND ($2::text[] IS NULL OR mac = ANY($2))`, [belongsToUuid, macs]);
        },
        { isolation: 'read committed' },
      );
    },
    adopt: (vm, serverUuid) => adoptVm(db, vm, serverUuid),
    async adoptServer(server) {
      await adoptServerNics(db, server);
    },
    networkingOf: (serverUuid, names) => networkingOf(db, serverUuid, names),
  };
}
