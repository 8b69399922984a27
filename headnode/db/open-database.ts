import { isSystemError } from '../../host/errors/errors.ts';
import { headErrors } from '../errors.ts';
import type { Database, Migration } from './database.ts';
import { migrate } from './migrate.ts';
import { migrations as allMigrations } from './migrations/index.ts';
import { openPostgres } from './postgres.ts';
import { openPrivatePostgres } from './private-postgres.ts';

/** Where the state is. */
export type DatabasePlace =
  /** In this process; in memory without a directory. Only one process may have it open. */
  | { readonly kind: 'pglite'; readonly directory?: string }
  /** Any PostgreSQL-compatible cluster, `postgres://…`. */
  | { readonly kind: 'url'; readonly url: string }
  /** Debian's PostgreSQL, run by the head processes that use this directory. */
  | { readonly kind: 'private-postgres'; readonly directory: string };

/**
 * Open the database and bring its schema up to date, one process at a time.
 * @param migrations the schema's steps, those of `migrations/index.ts` unless given
 * @throws DatabaseUnreachable, DatabaseInUse, EmbeddedDatabaseMissing, DatabaseNewer, MigrationChanged, MigrationOutOfOrder, MigrationFailed
 */
export async function openDatabase(place: DatabasePlace, migrations: readonly Migration[] = allMigrations): Promise<Database> {
  const database = await openPlace(place);
  try {
    await migrate(database, migrations);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function openPlace(place: DatabasePlace): Promise<Database> {
  if (place.kind === 'pglite') return await openEmbedded(place.directory);
  if (place.kind === 'url') return await openPostgres(place.url);
  return await openPrivatePostgres(place.directory);
}

/** The one executable is made without it. @throws EmbeddedDatabaseMissing, DatabaseInUse */
async function openEmbedded(directory: string | undefined): Promise<Database> {
  try {
    const { openPglite } = await import('./pglite.ts');
    return await openPglite(directory);
  } catch (error) {
    if (isSystemError(error, 'ERR_UNKNOWN_BUILTIN_MODULE')) throw headErrors.EmbeddedDatabaseMissing({ cause: error });
    throw error;
  }
}
