import { randomUUID } from 'node:crypto';
import { headErrors } from '../../errors.ts';
import type { TaskRequest, WireObject } from '../../services.ts';
import type { OpenServers } from '../open-servers.ts';

type Call = Omit<TaskRequest, 'id'>;

/** Begin a task, the way CNAPI answers it. @throws ServerNotFound */
export async function startTask(servers: OpenServers, uuid: string, call: Call): Promise<{ readonly id: string }> {
  const id = randomUUID();
  await servers.startTask(uuid, { ...call, id });
  return { id };
}

/** Run a task and answer with what it gave. @throws ServerNotFound, ServerUnreachable, TaskFailed; ResourceNotFound when the node has no such instance */
export async function runNow(servers: OpenServers, uuid: string, call: Call): Promise<WireObject> {
  const outcome = await servers.runTask(uuid, { ...call, id: randomUUID() });
  if (outcome.outcome === 'complete') return outcome.result;
  if (outcome.outcome === 'unreachable') throw headErrors.ServerUnreachable({ server: uuid, reason: outcome.reason });
  if (outcome.error.restCode === 'VmNotFound') throw headErrors.ResourceNotFound({ what: `VM ${String(call.params['uuid'])}` });
  throw headErrors.TaskFailed({ task: call.task, server: uuid, reason: outcome.error.message });
}
