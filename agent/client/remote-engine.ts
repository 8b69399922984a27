import type { StepEvent } from '../../host/journal/perform.ts';
import type { Engine } from '../../vmadm/engine.ts';
import type { VmUuid } from '../../host/config/units.ts';
import { call, perform, text } from './call.ts';
import type { AgentRequest, Transport } from './transport.ts';

export interface RemoteEngineOptions {
  /** Names the request in the agent's log, journal and audit trail. */
  readonly requestId?: string | undefined;
  /** Aborted when a running operation shall stop and undo. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: StepEvent) => void) | undefined;
}

/** The engine of an agent. It answers and throws what the engine in one's own process would. */
export function remoteEngine(transport: Transport, options: RemoteEngineOptions = {}): Engine {
  const headers: Record<string, string> = options.requestId === undefined || !REQUEST_ID.test(options.requestId) ? {} : { 'x-request-id': options.requestId };
  const ask = <Result>(method: AgentRequest['method'], path: string, body?: unknown): Promise<Result> => call<Result>(transport, { method, path, headers, patience: PATIENCE_SECONDS, ...(body !== undefined && { body }) });
  const act = <Result>(method: AgentRequest['method'], path: string, body?: unknown): Promise<Result> =>
    perform<Result>(transport, { method, path, headers, patience: PATIENCE_SECONDS, ...(body !== undefined && { body }) }, options);
  return {
    create: async (payload) => (await act<{ uuid: VmUuid }>('POST', '/vms', payload)).uuid,
    planCreate: (payload) => ask('POST', '/plans/create', payload),
    update: (uuid, payload) => act('PATCH', vmPath(uuid), payload),
    planUpdate: (uuid, payload) => ask('POST', `/plans/update/${encodeURIComponent(uuid)}`, payload),
    validate: (action, brand, payload) => ask('POST', `/validations/${action}/${encodeURIComponent(brand)}`, payload),
    get: (uuid) => ask('GET', vmPath(uuid)),
    list: (fields) => ask('GET', fields === undefined ? '/vms' : `/vms?fields=${encodeURIComponent([...new Set(fields)].join(','))}`),
    async table({ order, sort, parsable, header }) {
      const query = [`order=${encodeURIComponent(order)}`, `sort=${encodeURIComponent(sort)}`, `parsable=${String(parsable)}`, ...(header === undefined ? [] : [`header=${String(header)}`])];
      return text(transport, { method: 'GET', path: `/tables/vms?${query.join('&')}`, headers, patience: PATIENCE_SECONDS });
    },
    start: (uuid, more = {}) => act('POST', `${vmPath(uuid)}/start`, more),
    stop: (uuid, more) => act('POST', `${vmPath(uuid)}/stop`, more),
    reboot: async (uuid, more) => void (await act('POST', `${vmPath(uuid)}/reboot`, more)),
    delete: async (uuid) => void (await act('DELETE', vmPath(uuid))),
    kill: async (uuid, signal) => (await ask<{ signal: string }>('POST', `${vmPath(uuid)}/kill`, { signal })).signal,
    sysrq: async (uuid, type) => void (await ask('POST', `${vmPath(uuid)}/sysrq`, { type })),
    info: (uuid, types) => ask('GET', `${vmPath(uuid)}/info?types=${encodeURIComponent(types.join(','))}`),
    consoleCommand: async (uuid) => (await ask<{ command: [string, ...string[]] }>('GET', `${vmPath(uuid)}/console`)).command,
  };
}

/** Everything is answered soon, if only to say that it has begun. */
const PATIENCE_SECONDS = 120;

/** What may be a request's id; everything else is told apart by the agent's own. */
const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

function vmPath(uuid: string): string {
  return `/vms/${encodeURIComponent(uuid)}`;
}
