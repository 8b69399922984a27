/** All steps of the schema, one line each, in the order of their numbers. */
import type { Migration } from '../database.ts';
import { serversMigration } from './001-servers.ts';
import { placementMigration } from './020-placement.ts';
import { networksMigration } from './021-networks.ts';
import { jobsMigration } from './010-jobs.ts';
import { vmsMigration } from './011-vms.ts';
import { accountsMigration } from './030-accounts.ts';
import { packagesMigration } from './031-packages.ts';
import { imagesMigration } from './040-images.ts';
import { bootMigration } from './050-boot.ts';
import { joinRequestsMigration } from './051-join-requests.ts';

export const migrations: readonly Migration[] = [
  serversMigration,
  jobsMigration,
  vmsMigration,
  placementMigration,
  networksMigration,
  accountsMigration,
  packagesMigration,
  imagesMigration,
  bootMigration,
  joinRequestsMigration,
];
