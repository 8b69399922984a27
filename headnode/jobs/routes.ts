/** Jobs as VMAPI and the workflow API have them (control-plane §3.1, §3.5, §7.3). */
import { z } from 'zod';
import { headErrors } from '../errors.ts';
import type { App } from '../http/app.ts';
import { integerParam, limitParam, offsetParam, paramsOf, uuidParam } from '../http/params.ts';
import type { Jobs } from '../services.ts';

const idSchema = z.object({ uuid: uuidParam });
const executionSchema = z.enum(['queued', 'running', 'succeeded', 'failed', 'canceled']);
const listSchema = z.object({ vm_uuid: uuidParam.optional(), execution: executionSchema.optional(), task: z.string().max(64).optional(), limit: limitParam.optional(), offset: offsetParam.optional() });
const waitSchema = z.object({ timeout: integerParam.pipe(z.number().min(0).max(3600)).optional() });
const resultsSchema = z.looseObject({ uuid: uuidParam.optional(), job_uuid: uuidParam.optional() });

/** Register them. */
export function routeJobs(app: App, jobs: Jobs): void {
  app.get('/jobs', async (request) => {
    const { vm_uuid: vmUuid, execution, task, limit, offset } = paramsOf(request, listSchema);
    return await jobs.list(defined({ vmUuid, execution, task, limit, offset }));
  });

  app.get('/vms/:uuid/jobs', { schema: { params: idSchema } }, async (request) => {
    const { execution, task, limit, offset } = paramsOf(request, listSchema);
    return await jobs.list({ vmUuid: request.params.uuid, ...defined({ execution, task, limit, offset }) });
  });

  app.get('/jobs/:uuid', { schema: { params: idSchema }, config: { often: true } }, async ({ params }) => await existing(jobs, params.uuid));

  /** What steps said while they ran; ours say it with their result. */
  app.get('/jobs/:uuid/info', { schema: { params: idSchema } }, async ({ params }) => {
    const { chain_results: results } = await existing(jobs, params.uuid);
    return results.map(({ name, result }) => ({ data: { step: name, message: result } }));
  });

  app.get('/jobs/:uuid/wait', { schema: { params: idSchema } }, async (request) => {
    const { timeout = 3600 } = paramsOf(request, waitSchema);
    return await jobs.wait(request.params.uuid, timeout);
  });

  /** A workflow runner of the field tells here that a job has ended. Ours are known to have; who tells of another one is wrong. */
  app.post('/job_results', async (request, reply) => {
    const { uuid, job_uuid: jobUuid = uuid } = paramsOf(request, resultsSchema);
    if (jobUuid === undefined) throw headErrors.MissingParameter({ parameter: 'job_uuid' });
    await existing(jobs, jobUuid);
    return reply.status(200).send({});
  });
}

async function existing(jobs: Jobs, uuid: string) {
  const job = await jobs.get(uuid);
  if (!job) throw headErrors.ResourceNotFound({ what: `job ${uuid}` });
  return job;
}

type Defined<Shape> = { [Name in keyof Shape]?: Exclude<Shape[Name], undefined> };

function defined<Shape extends object>(shape: Shape): Defined<Shape> {
  return Object.fromEntries(Object.entries(shape).filter(([, value]) => value !== undefined)) as Defined<Shape>;
}
