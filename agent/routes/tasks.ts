import { hostname } from 'node:os';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ZonewrightError } from '../../host/errors/errors.ts';
import { agentErrors } from '../errors.ts';
import type { AgentApp } from '../server/app.ts';
import { callerOf } from '../server/caller.ts';
import { taskErrors } from '../tasks/errors.ts';
import type { Tasks } from '../tasks/tasks.ts';
import { wireErrorSchema } from '../wire/errors.ts';
import { historyEntrySchema, taskAcceptedSchema, taskErrorSchema, taskRequestSchema, taskResultSchema, taskSchema, type TaskRequest } from '../wire/tasks.ts';

const roles = ['local', 'head'] as const;
const tags = ['tasks'];

/** As much as a vmadm payload with an image's manifest can reasonably be. */
const BODY_BYTES = 8 * 1024 * 1024;
const LONGEST_WAIT_SECONDS = 3600;

/**
 * Bodies and queries are judged by ourselves: the field's clients put the request into either, and match on the codes
 * that cn-agent answers.
 */
const looseRequest = z
  .looseObject({
    task: z.unknown().meta({ type: 'string', description: 'its name' }),
    params: z.unknown().meta({ type: 'object', description: "the task's own" }),
    id: z.unknown().meta({ type: 'string', format: 'uuid', description: "the caller's name for it: the same one again never runs twice" }),
    async: z.unknown().meta({ type: 'boolean', description: 'answer at once, 202 with the id; GET /tasks/{id} tells the rest' }),
  })
  .partial();

const REFUSALS = { '4xx': wireErrorSchema, 503: wireErrorSchema };
const idParams = z.object({ id: z.string().max(64) });

/** Tasks of a head node (reference/control-plane §1.2). What a caller sends is taken with the words and codes of cn-agent. */
export function taskRoutes(app: AgentApp, services: { readonly tasks: Tasks }): void {
  app.route({
    method: 'POST',
    url: '/tasks',
    config: { roles },
    bodyLimit: BODY_BYTES,
    schema: {
      tags,
      summary: 'Have a task done; answered when it is over, unless async',
      querystring: looseRequest,
      body: looseRequest.nullish(),
      response: { 200: taskResultSchema, 202: taskAcceptedSchema, ...REFUSALS, 500: taskErrorSchema },
    },
    handler: (request, reply) => inTheFieldsWay(services, request, reply, () => doTask(services.tasks, request, reply)),
  });

  app.route({
    method: 'GET',
    url: '/tasks/:id',
    config: { roles, quiet: true },
    schema: { tags, summary: 'What became of a task', params: idParams, response: { 200: taskSchema, ...REFUSALS } },
    handler: (request, reply) => inTheFieldsWay(services, request, reply, async () => ({ status: 200, body: services.tasks.find(request.params.id) })),
  });

  app.route({
    method: 'GET',
    url: '/tasks/:id/wait',
    config: { roles, quiet: true },
    schema: {
      tags,
      summary: 'The same, when the task is over or the time is',
      params: idParams,
      querystring: z.object({ timeout: z.coerce.number().min(0).max(LONGEST_WAIT_SECONDS).default(LONGEST_WAIT_SECONDS).meta({ description: 'seconds' }) }),
      response: { 200: taskSchema, ...REFUSALS },
    },
    handler: (request, reply) =>
      inTheFieldsWay(services, request, reply, async () => ({ status: 200, body: await services.tasks.wait(request.params.id, { milliseconds: request.query.timeout * 1000, signal: goneSignal(reply) }) })),
  });

  app.route({
    method: 'GET',
    url: '/history',
    config: { roles },
    schema: { tags, summary: 'The last tasks, oldest first', response: { 200: z.array(historyEntrySchema), ...REFUSALS } },
    handler: (request, reply) => inTheFieldsWay(services, request, reply, async () => ({ status: 200, body: services.tasks.history() })),
  });

  for (const verb of ['pause', 'resume'] as const) {
    app.route({
      method: 'POST',
      url: `/${verb}`,
      config: { roles },
      schema: { tags, summary: verb === 'pause' ? 'Take no more tasks; those that run go on' : 'Take tasks again', response: { 204: z.null(), ...REFUSALS } },
      handler: (request, reply) =>
        inTheFieldsWay(services, request, reply, async () => {
          services.tasks[verb]();
          return { status: 204, body: undefined };
        }),
    });
  }
}

/** What is answered, when it is not thrown. */
interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function doTask(tasks: Tasks, request: FastifyRequest, reply: FastifyReply): Promise<Answer> {
  const { task, params, id, async: atOnce } = requestOf(request);
  const caller = callerOf(request.raw);
  if (!caller) throw agentErrors.ResourceNotFound();
  const taken = await tasks.submit({ task, params, ...(id !== undefined && { id }) }, { requestId: request.id, askedBy: caller.name, isHead: caller.role === 'head' });
  if (atOnce) return { status: 202, body: { id: taken } };
  const { status, result, error } = await tasks.wait(taken, { signal: goneSignal(reply) });
  // Still active: the caller has gone away, and nobody reads this.
  return status === 'complete' ? { status: 200, body: result } : { status: 500, body: error ?? { error: 'the caller has gone' } };
}

/** The request from body and query together, as restify gives it to cn-agent. @throws TaskRequestInvalid */
function requestOf(request: FastifyRequest): TaskRequest {
  const { task, params, id, async: atOnce } = { ...(request.query as object), ...(request.body as object | null) } as Readonly<Record<string, unknown>>;
  const given = { task, params: typeof params === 'string' ? jsonOf(params) : params, id, async: atOnce === 'true' || atOnce === 'false' ? atOnce === 'true' : atOnce };
  const { data, error } = taskRequestSchema.safeParse(given);
  if (!data) {
    const name = String(error.issues[0]?.path[0] ?? 'body');
    const missing = (given as Readonly<Record<string, unknown>>)[name] === undefined;
    throw taskErrors.TaskRequestInvalid({ reason: missing ? `missing "${name}"` : `"${name}" is not valid: ${error.issues[0]?.message ?? ''}` });
  }
  if (data.async && data.id === undefined) throw taskErrors.TaskRequestInvalid({ reason: 'missing "id": with "async" the caller names the task by a new uuid' });
  return data;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

/** Headers, server selection and errors as cn-agent has them. */
async function inTheFieldsWay({ tasks }: { readonly tasks: Tasks }, request: FastifyRequest, reply: FastifyReply, answer: () => Promise<Answer>): Promise<never> {
  const wanted = request.headers['x-server-uuid'];
  const { status, body } = wanted === undefined || wanted === tasks.serverUuid ? await answer().catch(refusalOf) : { status: 404, body: undefined };
  // The reply is the handler's answer, whatever its schema.
  return reply
    .headers({ server: 'Compute Node Agent', 'x-server-name': hostname(), 'x-response-time': Math.round(reply.elapsedTime) })
    .code(status)
    .send(body) as never;
}

function refusalOf(error: unknown): Answer {
  const code = error instanceof ZonewrightError ? WIRE_CODES[error.httpStatus] : undefined;
  if (!(error instanceof ZonewrightError) || code === undefined) throw error;
  const { httpStatus: status, message, hint } = error;
  return { status, body: { code, message, ...(hint !== undefined && { hint }) } };
}

const WIRE_CODES: Readonly<Record<number, string>> = { 403: 'NotAuthorized', 404: 'ResourceNotFound', 409: 'InvalidArgument', 503: 'ServiceUnavailableError' };

/** Aborted when nobody is there any more to be answered. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}
