/** Events of an agent, across lost connections: none twice, none left out, or it is said that some were missed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isErrorCode } from '../../host/errors/errors.ts';
import { agentErrors } from '../errors.ts';
import type { VmEvent } from '../events/vm-event.ts';
import { errorFrom, linesOf, send } from './call.ts';
import type { AgentRequest, AgentResponse, Transport } from './transport.ts';

export type { Change } from '../events/vm-event.ts';

/** The first event of a stream. */
export interface ReadyEvent {
  readonly type: 'ready';
  readonly date: string;
  readonly uuid: string;
  /** All instances, as JSON. */
  readonly vms?: string;
}

export type StreamEvent = (VmEvent | ReadyEvent) & { readonly cursor: string };

export interface FollowOptions {
  /** Only events of these instances. @throws VmNotFound when there is no such instance now */
  readonly vms?: readonly string[] | undefined;
  /** Have `ready` carry all instances. */
  readonly full?: boolean;
  /** Go on after this event. */
  readonly after?: string | undefined;
  /** Connect again after a loss; undefined when no agent is there. */
  connect(): Promise<Transport | undefined>;
  /** Seconds to wait for an agent that went away. */
  readonly patience?: number;
  /** Called when events cannot be had any more that happened since the last one; a new `ready` follows. */
  onMissed?(): void;
}

const PATIENCE_SECONDS = 60;
const PAUSE_MILLISECONDS = 200;

/** Follow events without end. @throws AgentLost when no agent comes back, VmNotFound */
export async function* followEvents(transport: Transport, options: FollowOptions): AsyncGenerator<StreamEvent> {
  let cursor = options.after;
  for (let connection = transport; ; connection = await reconnected(options)) {
    try {
      for await (const event of eventsAfter(connection, cursor, options)) {
        cursor = event.cursor;
        yield event;
      }
    } catch (error) {
      if (isErrorCode(error, 'EventsGone')) {
        cursor = undefined;
        options.onMissed?.();
      } else if (!isErrorCode(error, 'AgentLost')) {
        throw error;
      }
    }
  }
}

/** A connection to the agent that is there now, or comes back. @throws AgentLost */
async function reconnected({ connect, patience = PATIENCE_SECONDS }: FollowOptions): Promise<Transport> {
  for (const deadline = Date.now() + patience * 1000; Date.now() < deadline; await sleep(PAUSE_MILLISECONDS)) {
    const transport = await connect();
    if (transport) return transport;
  }
  throw agentErrors.AgentLost({ what: 'GET /events' });
}

async function* eventsAfter(transport: Transport, cursor: string | undefined, { vms, full }: FollowOptions): AsyncGenerator<StreamEvent> {
  const query = new URLSearchParams({ ...(cursor !== undefined && { after: cursor }), ...(vms && { vms: vms.join(',') }), ...(full && { ready: 'full' }) });
  const request: AgentRequest = { method: 'GET', path: `/events?${query.toString()}`, headers: { accept: 'application/x-ndjson' } };
  const response = await send(transport, request);
  if (response.status >= 400) throw await errorIn(response);
  for await (const line of linesOf(response, request)) if (line !== '') yield JSON.parse(line) as StreamEvent;
}

async function errorIn({ status, body }: AgentResponse): Promise<Error> {
  const texts: string[] = [];
  for await (const text of body.setEncoding('utf8')) texts.push(String(text));
  return errorFrom(JSON.parse(texts.join('')), status);
}
