/**
 * A node's link to its head node (reference/control-plane §1.5).
 *
 * One conversation at a time, in this order: registration, agents, then heartbeats and status as they fall due. Whatever goes wrong
 * with any of them, the node registers again before it says anything else, and then tells all: so a head node that was away, or
 * is another one now, knows the node as it is. Instances with all their properties go beside it (`vm-feed.ts`), for a head node
 * that wants them.
 */
import { randomUUID } from 'node:crypto';
import type { Log } from '../log.ts';
import { reasonOf } from '../log.ts';
import { headAnswerSchema, type HeadAnswer } from '../wire/messages.ts';
import { newBackoff, type Backoff } from './backoff.ts';
import { refusalOf, type HeadClient, type HeadRequest } from './client.ts';
import type { NodeFacts } from './facts.ts';
import { newNap } from './nap.ts';
import { openVmFeed } from './vm-feed.ts';

export interface HeadLinkOptions {
  readonly facts: NodeFacts;
  readonly client: Pick<HeadClient, 'send'>;
  readonly log: Log;
  /** Where tasks for this node go: put into its sysinfo as `CN Agent IP` and `CN Agent Port`. */
  readonly listensAt?: { readonly address?: string; readonly port: number };
  /** Certificates that are no longer good, whenever the head node tells. */
  onRevoked?(fingerprints: readonly string[]): void;
  readonly timings?: Partial<Timings>;
}

/** All in milliseconds. */
export interface Timings {
  /** Between the answer to a heartbeat and the next one. */
  readonly heartbeat: number;
  /** The least time between two status messages. */
  readonly status: number;
  /** A status is sent this long after the last one whether anything changed or not. */
  readonly forcedStatus: number;
  readonly firstPause: number;
  readonly longestPause: number;
}

const TIMINGS: Timings = { heartbeat: 5000, status: 5000, forcedStatus: 60_000, firstPause: 500, longestPause: 15_000 };

export interface HeadLink {
  /** Whether the head node knew this node when they last spoke. */
  isConnected(): boolean;
  /** Register again: sysinfo has changed. */
  registerAgain(): void;
  /** Resolves when nothing more is sent. */
  close(): Promise<void>;
}

/** Open the link. It keeps itself up until it is closed. */
export function openHeadLink(options: HeadLinkOptions): HeadLink {
  const { facts, client, log } = options;
  const timings = { ...TIMINGS, ...options.timings };
  const closed = new AbortController();
  const bootId = randomUUID();
  let sequence = 0;
  let connected = false;
  let mustRegister = true;
  let changedMeanwhile = false;
  let statusIsDirty = true;
  let statusFails = false;
  const nap = newNap(closed.signal);
  // No change of an instance cuts the pause between two attempts short.
  const rest = newNap(closed.signal);

  const backoffOf = (): Backoff => newBackoff({ first: timings.firstPause, longest: timings.longestPause });
  const feed = openVmFeed({ facts, client, log, backoff: backoffOf(), signal: closed.signal });
  const stopListening = facts.onChange((change) => {
    if (change.what === 'sysinfo') mustRegister = changedMeanwhile = true;
    else {
      statusIsDirty = true;
      feed.changed(change.uuid);
    }
    nap.wake();
  });

  const send = (request: Omit<HeadRequest, 'signal'>) => client.send({ ...request, signal: closed.signal });
  const counted = <Body extends object>(body: Body) => ({ ...body, boot_id: bootId, sequence: sequence++ });
  const server = `/servers/${facts.uuid}`;

  async function register(): Promise<void> {
    const { address, port } = options.listensAt ?? {};
    // A change that comes from here on is registered too.
    changedMeanwhile = false;
    const sysinfo = { ...(await facts.sysinfo()), ...(port !== undefined && { 'CN Agent Port': port }), ...(address !== undefined && { 'CN Agent IP': address }) };
    const { body } = await send({ method: 'POST', path: `${server}/sysinfo`, body: counted({ sysinfo }) });
    if (!connected) log.info('registered with the head node', { sequence: sequence - 1 });
    connected = true;
    statusIsDirty = true;
    heed(body);
    // One that asks for it in answer to it is not heeded.
    mustRegister = changedMeanwhile;
    // What is installed is worth knowing, but nothing depends on it.
    await send({ method: 'POST', path: server, body: { agents: await facts.agents() } }).catch((error: unknown) => log.warn(`the head node did not take the list of agents: ${reasonOf(error)}`));
  }

  /** One that does not arrive is sent anew with what is true then. Heartbeats go on: the node is not gone because of it. */
  async function sayStatus(): Promise<void> {
    statusIsDirty = false;
    try {
      const status = await facts.status();
      heed((await send({ method: 'POST', path: `${server}/events/status`, body: counted(status) })).body);
      statusFails = false;
    } catch (error) {
      statusIsDirty = true;
      if (closed.signal.aborted || refusalOf(error)?.status === 404) throw error;
      if (!statusFails) log.warn(`the status did not reach the head node: ${reasonOf(error)}`);
      statusFails = true;
    }
  }

  async function sayHeartbeat(): Promise<void> {
    heed((await send({ method: 'POST', path: `${server}/events/heartbeat`, body: counted({}) })).body);
  }

  function heed(body: unknown): void {
    const answer: HeadAnswer = headAnswerSchema.safeParse(body ?? {}).data ?? {};
    if (answer.wants?.includes('register')) mustRegister = true;
    if (answer.wants?.includes('status')) statusIsDirty = true;
    if (answer.wants?.includes('vms')) feed.tellAll();
    if (answer.revoked) options.onRevoked?.(answer.revoked);
  }

  /** Speak until something goes wrong. */
  async function converse(onHeartbeat: () => void): Promise<never> {
    let heartbeatDue = 0;
    let lastStatus = -Infinity;
    for (;;) {
      closed.signal.throwIfAborted();
      if (mustRegister) {
        await register();
        lastStatus = -Infinity;
      }
      if (performance.now() >= heartbeatDue) {
        await sayHeartbeat();
        onHeartbeat();
        heartbeatDue = performance.now() + timings.heartbeat;
      }
      const statusDue = lastStatus + (statusIsDirty ? timings.status : timings.forcedStatus);
      if (performance.now() >= statusDue) {
        await sayStatus();
        lastStatus = performance.now();
      } else if (!mustRegister) await nap.take(Math.min(heartbeatDue, statusDue) - performance.now());
    }
  }

  async function keepUp(): Promise<void> {
    const backoff = backoffOf();
    while (!closed.signal.aborted) {
      await converse(() => backoff.reset()).catch((error: unknown) => lost(error));
      mustRegister = true;
      // A head node that forgot this node is there: it only has to be told.
      await rest.take(backoff.next());
    }
  }

  function lost(error: unknown): void {
    if (closed.signal.aborted) return;
    const refusal = refusalOf(error);
    if (connected) log.warn(refusal?.status === 404 ? 'the head node does not know this node (any more)' : `the head node is lost: ${reasonOf(error)}`);
    else log.debug(`the head node is still lost: ${reasonOf(error)}`);
    connected = false;
    feed.forget();
  }

  const running = keepUp();
  return {
    isConnected: () => connected,
    registerAgain() {
      mustRegister = changedMeanwhile = true;
      nap.wake();
    },
    async close() {
      closed.abort();
      stopListening();
      await Promise.all([running, feed.ended]);
    },
  };
}
