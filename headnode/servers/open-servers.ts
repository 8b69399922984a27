/**
 * The inventory of servers: what their agents tell, whether they live, and tasks that are sent to them.
 */
import type Logger from 'bunyan';
import type { Database } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import type { HeadIdentity } from '../pki/open-pki.ts';
import type { Revocations } from '../pki/revocations.ts';
import type { Server, Servers } from '../services.ts';
import { openAgents, type Agents } from './agents.ts';
import { openServerCache, TELL_CHANGE, type ServerCache } from './cache.ts';
import { openHearing, type Hearing } from './hearing.ts';
import { openLiveness, type Liveness } from './liveness.ts';
import { newReporter } from './reporter.ts';
import { openTasks, type Tasks } from './tasks/open-tasks.ts';
import { openTickets, type Tickets } from './tickets.ts';

export interface ServersOptions {
  readonly database: Database;
  readonly log: Logger;
  /** As whom agents are called. */
  readonly identity: HeadIdentity;
  readonly revocations: Pick<Revocations, 'list' | 'version'>;
  /** This head process: a name for people, and its URL for nodes when it listens for them. */
  readonly name: string;
  url(): string | undefined;
}

/** What only the routes of CNAPI and the head process itself use, besides the service. */
export interface OpenServers extends Servers {
  readonly agents: Agents;
  readonly cache: ServerCache;
  readonly hearing: Hearing;
  readonly liveness: Liveness;
  readonly tasks: Tasks;
  readonly tickets: Tickets;
  /** Change what operators may: columns, and fields of the record. @throws ServerNotFound */
  update(uuid: string, change: ServerChange): Promise<void>;
  /** Forget a server. It comes back as a new one when its agent registers again. @throws ServerNotFound */
  remove(uuid: string): Promise<void>;
  close(): Promise<void>;
}

export interface ServerChange {
  readonly columns: Readonly<Partial<Pick<Server, 'setup' | 'reserved'> & { readonly reservoir: boolean; readonly transitional_status: string }>>;
  readonly record: Readonly<Record<string, unknown>>;
}

export async function openServers({ database, log, identity, revocations, name, url }: ServersOptions): Promise<OpenServers> {
  const onTrouble = (error: unknown): void => log.error({ err: error }, 'servers: something failed and will be tried again');
  const reporter = newReporter(onTrouble);
  const cache = await openServerCache(database);
  const agents = openAgents(identity);
  const liveness = await openLiveness({
    database,
    name,
    url,
    onTrouble,
    touched: cache.touch,
    async onChange(serverUuid, status) {
      log.info({ server_uuid: serverUuid, status }, 'server status');
      await reporter.report({ serverUuid, status, vms: undefined });
    },
  });
  const tasks = await openTasks({ database, agents, cache, liveness, onTrouble });
  const tickets = await openTickets(database);
  const hearing = openHearing({ database, cache, liveness, reporter, revocations });

  return {
    agents,
    cache,
    hearing,
    liveness,
    tasks,
    tickets,
    get: cache.get,
    list: cache.list,
    runTask: tasks.run,
    startTask: tasks.start,
    onReport: reporter.listen,
    async update(uuid, { columns, record }) {
      const { setup, reserved, reservoir, transitional_status } = columns;
      const [row] = await database.query(
        `UPDATE servers SET setup = COALESCE($2, setup), reserved = COALESCE($3, reserved), reservoir = COALESCE($4, reservoir),
           transitional_status = COALESCE($5, transitional_status), record = record || $6::jsonb
         WHERE uuid = $1 RETURNING ${TELL_CHANGE}`,
        [uuid, setup, reserved, reservoir, transitional_status, JSON.stringify(record)],
      );
      cache.touch(uuid);
      if (!row) throw headErrors.ServerNotFound({ server: uuid });
    },
    async remove(uuid) {
      const rows = await database.transaction(async (queries) => {
        await queries.query('DELETE FROM boot_params WHERE name = $1', [uuid]);
        return await queries.query(`DELETE FROM servers WHERE uuid = $1 RETURNING ${TELL_CHANGE}`, [uuid]);
      });
      cache.touch(uuid);
      liveness.forget(uuid);
      if (rows.length === 0) throw headErrors.ServerNotFound({ server: uuid });
      await reporter.report({ serverUuid: uuid, status: 'unknown', vms: undefined });
    },
    async close() {
      await tasks.close();
      await tickets.close();
      await liveness.close();
      await cache.close();
      agents.close();
    },
  };
}
