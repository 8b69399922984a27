/** Requests to an agent and what they become: data, or the same error that the engine threw. */
import { isSystemError, ZonewrightError } from '../../host/errors/errors.ts';
import type { StepEvent } from '../../host/journal/perform.ts';
import { agentErrors } from '../errors.ts';
import type { AgentRequest, AgentResponse, Transport } from './transport.ts';

/** What the agent says of an error (`server/errors.ts`). */
export interface RemoteError {
  readonly code: string;
  readonly message: string;
  readonly details?: readonly string[];
  readonly hint?: string;
  readonly exitStatus: number;
}

/** Ask for data. @throws what the agent's engine threw; AgentLost, AgentUnintelligible */
export async function call<Result>(transport: Transport, request: AgentRequest): Promise<Result> {
  const response = await send(transport, request);
  const answer = await jsonOf(response, request);
  if (response.status < 400) return answer as Result;
  throw errorFrom(answer, response.status);
}

/** Ask for text; undefined when the agent knows nothing of that, as one of an older version does. @throws as `call` does */
export async function text(transport: Transport, request: AgentRequest): Promise<string | undefined> {
  const response = await send(transport, request);
  const answer = await textOf(response, request);
  if (response.status < 400) return answer;
  if (response.status === 404) return undefined;
  throw errorFrom(parse(answer, request), response.status);
}

export interface PerformOptions {
  /** Aborted when the operation shall stop and undo. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: StepEvent) => void) | undefined;
  readonly onNote?: ((note: unknown) => void) | undefined;
}

/** Ask for an operation and follow it to its end. @throws what the agent's engine threw; AgentLost, AgentUnintelligible */
export async function perform<Result>(transport: Transport, request: AgentRequest, { signal, onEvent, onNote }: PerformOptions = {}): Promise<Result> {
  const response = await send(transport, { ...request, headers: { ...request.headers, accept: 'application/x-ndjson' } });
  if (response.status >= 400) throw errorFrom(await jsonOf(response, request), response.status);
  const cancel = newCancel(transport, signal);
  try {
    for await (const line of linesOf(response, request)) {
      const message = parse(line, request);
      if ('step' in message) onEvent?.(message['step'] as StepEvent);
      else if ('note' in message) onNote?.(message['note']);
      else if (typeof message['operation'] === 'string') cancel.operation(message['operation']);
      else if ('error' in message) throw errorFrom(message['error'], 200);
      else if ('result' in message) return message['result'] as Result;
    }
  } finally {
    await cancel.release();
  }
  throw lost(request);
}

/** An operation is cancelled by a request of its own, as soon as both its id is known and somebody wants that. */
function newCancel(transport: Transport, signal: AbortSignal | undefined) {
  let id: string | undefined;
  let asked: Promise<unknown> | undefined;
  const ask = (): void => {
    if (id === undefined || asked || !signal?.aborted) return;
    // It may be over by now, which its own answer tells.
    asked = call(transport, { method: 'DELETE', path: `/operations/${id}` }).catch(() => undefined);
  };
  signal?.addEventListener('abort', ask);
  return {
    operation(operation: string) {
      id = operation;
      ask();
    },
    async release() {
      signal?.removeEventListener('abort', ask);
      await asked;
    },
  };
}

/** The lines of an answer, for as long as it lasts. @throws AgentLost when it ends in the middle */
export async function* linesOf({ body }: AgentResponse, request: AgentRequest): AsyncGenerator<string> {
  let rest = '';
  body.setEncoding('utf8');
  try {
    for await (const chunk of body) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (error) {
    throw isLoss(error) ? lost(request, error) : error;
  }
}

/** Send a request. @throws AgentLost when the connection ends before an answer begins, AgentSilent when none begins in time */
export async function send(transport: Transport, request: AgentRequest): Promise<AgentResponse> {
  try {
    return await transport.send(request);
  } catch (error) {
    if (isSystemError(error, 'ETIMEDOUT')) throw agentErrors.AgentSilent({ what: nameOf(request) }, { cause: error });
    throw isLoss(error) ? lost(request, error) : error;
  }
}

/** An agent's error, as it was thrown there. */
export function errorFrom(answer: unknown, status: number): ZonewrightError {
  const { code, message, details, hint, exitStatus } = (typeof answer === 'object' && answer !== null ? answer : {}) as Partial<RemoteError>;
  if (typeof code !== 'string' || typeof message !== 'string') return agentErrors.AgentUnintelligible({ reason: `status ${status} without an error` });
  return new ZonewrightError(code, message, { exit: exitStatus, ...(status >= 400 && { status }), ...(hint !== undefined && { hint }), ...(details && { details }) });
}

async function jsonOf(response: AgentResponse, request: AgentRequest): Promise<unknown> {
  return parse(await textOf(response, request), request);
}

async function textOf(response: AgentResponse, request: AgentRequest): Promise<string> {
  const texts: string[] = [];
  response.body.setEncoding('utf8');
  try {
    for await (const text of response.body) texts.push(String(text));
  } catch (error) {
    throw isLoss(error) ? lost(request, error) : error;
  }
  return texts.join('');
}

function parse(text: string, request: AgentRequest): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw agentErrors.AgentUnintelligible({ reason: `${nameOf(request)} was not answered with JSON` }, { cause: error });
  }
}

function isLoss(error: unknown): boolean {
  return isSystemError(error, 'ECONNRESET', 'EPIPE', 'ECONNREFUSED', 'ENOENT', 'ECONNABORTED');
}

function lost(request: AgentRequest, cause?: unknown): ZonewrightError {
  return agentErrors.AgentLost({ what: nameOf(request) }, { cause });
}

function nameOf({ method, path }: AgentRequest): string {
  return `${method} ${path.split('?')[0] ?? ''}`;
}
