/**
 * Operations as answers. A caller that accepts `application/x-ndjson` is told of each step as it goes; every other one gets
 * the result when it is over. A caller that goes away does not take its operation along: it runs to its end, unless
 * somebody cancels it.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PassThrough } from 'node:stream';
import type { StepEvent } from '../../host/journal/perform.ts';
import type { Engine } from '../../vmadm/engine.ts';
import { reasonOf } from '../log.ts';
import { callerOfRequest } from './caller.ts';
import { errorBody, presentable } from './errors.ts';
import type { Operation } from './operations.ts';
import type { Services } from './services.ts';

export interface Job<Result> {
  readonly verb: string;
  /** The uuid that it works on, when that is known beforehand. */
  readonly target?: string | undefined;
  perform(tools: JobTools): Promise<Result>;
}

/** What a job is done with: all of it is for this one request. */
export interface JobTools {
  readonly requestId: string;
  readonly askedBy: string;
  readonly signal: AbortSignal;
  onEvent(event: StepEvent): void;
  /** Something else to tell whoever follows: `{"note": …}`. */
  tell(line: Readonly<Record<string, unknown>>): void;
  engine(): Promise<Engine>;
}

/** Perform a job and answer the request with what becomes of it. */
export async function answerWith<Result>(services: Services, { request, reply }: Exchange, job: Job<Result>): Promise<Result> {
  const operation = services.operations.begin({ verb: job.verb, target: job.target, requestId: request.id });
  if (!String(request.headers.accept ?? '').includes('application/x-ndjson')) return perform(services, request, { job, operation, tell: () => undefined });
  const lines = new PassThrough();
  // Nobody reads any more; the operation goes on.
  lines.on('error', () => undefined);
  const tell = (line: Readonly<Record<string, unknown>>): void => {
    // A reader that is slow misses steps, never the end.
    if (!lines.destroyed && (lines.writableLength < MOST_WAITING || 'result' in line || 'error' in line)) lines.write(`${JSON.stringify(line)}\n`);
  };
  tell({ operation: operation.id });
  void perform(services, request, { job, operation, tell })
    .then((result) => tell({ result: result ?? null }))
    .catch((error: unknown) => tell({ error: errorBody(presentable(error, request.id)) }))
    .finally(() => lines.end());
  return reply.type('application/x-ndjson').send(lines as never) as never;
}

export interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

const MOST_WAITING = 256 * 1024;

interface Performance<Result> {
  readonly job: Job<Result>;
  readonly operation: Operation;
  tell(line: Readonly<Record<string, unknown>>): void;
}

async function perform<Result>(services: Services, request: FastifyRequest, { job, operation, tell }: Performance<Result>): Promise<Result> {
  const { log, metrics, index } = services;
  const { verb, target, signal } = operation;
  const askedBy = callerOfRequest(request).name;
  const onEvent = (step: StepEvent): void => tell({ step });
  const line = log.child({ req_id: request.id, operation: operation.id, verb, vm_uuid: target, caller: askedBy });
  const started = performance.now();
  line.info('begun');
  try {
    const result = await job.perform({ requestId: request.id, askedBy, signal, onEvent, tell, engine: () => services.openEngine({ requestId: request.id, askedBy, signal, onEvent }) });
    finished('done');
    return result;
  } catch (error) {
    finished(signal.aborted ? 'cancelled' : 'failed', error);
    throw error;
  } finally {
    operation.end();
    // Whoever asked sees in the next list what has been done.
    await index.settled();
  }

  function finished(outcome: 'done' | 'failed' | 'cancelled', error?: unknown): void {
    const seconds = (performance.now() - started) / 1000;
    metrics.performed({ verb, outcome, seconds });
    line.info(outcome, { ms: Math.round(seconds * 1000), ...(error !== undefined && { error: reasonOf(error) }) });
  }
}
