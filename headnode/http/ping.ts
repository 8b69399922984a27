import type { Database } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import type { App } from './app.ts';

/**
 * `/ping` of all APIs in one answer (control-plane §2.1, §3.1, §4; reference/imgadm §3): what each of their clients looks at.
 * There are no workflow, moray or amqp services; they are said to be online since callers wait for that.
 */
export function pingRoutes(app: App, { database }: { readonly database: Database }): void {
  app.get('/ping', { config: { anonymous: true, often: true } }, async (request) => {
    if (request.role.kind === 'anonymous') return { ping: 'pong' };
    const [row] = await database.query<{ one: number }>('SELECT 1 AS one');
    if (row?.one !== 1) throw headErrors.DatabaseUnreachable({ reason: 'it does not answer' });
    return {
      ready: true,
      ping: 'pong',
      status: 'OK',
      healthy: true,
      services: { workflow: 'online', moray: 'online', amqp: 'online', database: database.kind },
      initialization: { status: 'initialized' },
      pingErrors: {},
      dataMigrations: { latestCompletedMigrations: {} },
      config: { fabrics_enabled: false },
      imgapi: true,
      pid: process.pid,
      version: '1.0.0',
    };
  });
}
