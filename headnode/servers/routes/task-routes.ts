import { z } from 'zod';
import { headErrors } from '../../errors.ts';
import type { App } from '../../http/app.ts';
import { integerParam, uuidParam } from '../../http/params.ts';
import { AgentAway } from '../agents.ts';
import type { OpenServers } from '../open-servers.ts';
import { taskObject } from '../tasks/task-store.ts';

const timeoutParam = integerParam.pipe(z.number().min(0).max(3600)).default(3600);

/** CNAPI's tasks (control-plane §2.1), and what it passes on to an agent about them. */
export function taskRoutes(app: App, servers: OpenServers): void {
  app.get('/tasks/:id', { schema: { params: z.object({ id: uuidParam }) } }, async ({ params: { id } }) => found(id, await servers.tasks.get(id)));
  app.get('/tasks/:id/wait', { schema: { params: z.object({ id: uuidParam }), querystring: z.looseObject({ timeout: timeoutParam }) } }, async ({ params: { id }, query }) => found(id, await servers.tasks.wait(id, query.timeout)));
  app.get('/servers/:uuid/task-history', { schema: { params: z.object({ uuid: uuidParam }) } }, async ({ params: { uuid } }) => await pass(uuid, 'GET', '/history'));
  for (const verb of ['pause', 'resume']) {
    app.post(`/servers/:uuid/cn-agent/${verb}`, { schema: { params: z.object({ uuid: uuidParam }) } }, async ({ params: { uuid } }, reply) => {
      await pass(uuid, 'POST', `/${verb}`);
      return reply.status(204).send();
    });
  }

  async function pass(uuid: string, method: 'GET' | 'POST', path: string): Promise<unknown> {
    const row = await servers.cache.row(uuid);
    if (!row) throw headErrors.ServerNotFound({ server: uuid });
    try {
      const { status, body } = await servers.agents.ask(row, { method, path, ...(method === 'POST' ? { body: {} } : {}), signal: AbortSignal.timeout(PASS_MILLISECONDS) });
      if (status >= 400) throw headErrors.ServerUnreachable({ server: uuid, reason: `its agent answered ${status}` });
      return body;
    } catch (error) {
      if (error instanceof AgentAway) throw headErrors.ServerUnreachable({ server: uuid, reason: error.message }, { cause: error });
      throw error;
    }
  }
}

const PASS_MILLISECONDS = 15_000;

function found(id: string, row: Parameters<typeof taskObject>[0] | undefined) {
  if (!row) throw headErrors.ResourceNotFound({ what: `task ${id}` });
  return taskObject(row);
}
