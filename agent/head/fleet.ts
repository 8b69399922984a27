/**
 * The agent as one of a fleet: as soon as the node has an identity it listens for its head node and speaks to it. A node may join, or
 * join another head node, while the agent runs.
 */
import { basename } from 'node:path';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Node } from '../../host/config/node-config.ts';
import { makePrivateDirectory } from '../../host/files/atomic.ts';
import { readNicTags } from '../../host/net/nic-tags.ts';
import { identityFiles, readIdentity, saveIdentity, type Identity } from '../identity/identity.ts';
import { keepRenewed } from '../identity/renewal.ts';
import { openRevocations } from '../identity/revocations.ts';
import { inTurn } from '../index/in-turn.ts';
import { watchPath } from '../index/watch.ts';
import { AGENT_PORT, listenMtls, type MtlsListener } from '../listeners/mtls.ts';
import type { Log } from '../log.ts';
import { reasonOf } from '../log.ts';
import type { Services } from '../server/services.ts';
import { networkFacts } from '../sysinfo/networks.ts';
import { openHeadClient } from './client.ts';
import { openHeadLink } from './link.ts';
import { newNap } from './nap.ts';
import { nodeFacts } from './node-facts.ts';

export interface FleetOptions {
  readonly services: Pick<Services, 'node' | 'log' | 'index' | 'events'>;
  /** Answers what a head node asks. */
  handle(request: IncomingMessage, response: ServerResponse): void;
}

export interface Fleet {
  close(): Promise<void>;
}

interface Membership {
  /** The one in use: a renewed one takes the place of the first. */
  identity(): Identity;
  close(): Promise<void>;
}

const LOOK_MILLISECONDS = 10_000;

/** Be part of whatever fleet the node has joined, from now on. */
export async function openFleet(options: FleetOptions): Promise<Fleet> {
  const { node, log } = options.services;
  const files = identityFiles(node);
  let membership: Membership | undefined;
  let closed = false;

  async function follow(): Promise<void> {
    try {
      const identity = await readIdentity(node);
      if (closed || identity?.certificate === membership?.identity().certificate) return;
      await membership?.close();
      membership = identity && openMembership(options, identity);
    } catch (error) {
      log.failure('-', 'identity of this node', error);
    }
  }

  await makePrivateDirectory(files.directory);
  const looks = inTurn(follow);
  const look = (): void => looks.touch('identity');
  const watching = watchPath(files.directory, (_, name) => (name === undefined || name === basename(files.node)) && look());
  const timer = setInterval(look, LOOK_MILLISECONDS).unref();
  look();
  await looks.settled();
  return {
    async close() {
      closed = true;
      clearInterval(timer);
      watching?.close();
      await looks.settled();
      await membership?.close();
    },
  };
}

function openMembership({ services, handle }: FleetOptions, joined: Identity): Membership {
  const { node, log } = services;
  const ended = new AbortController();
  let identity = joined;
  const running = live();
  return {
    identity: () => identity,
    async close() {
      ended.abort();
      await running;
    },
  };

  async function live(): Promise<void> {
    const { signal } = ended;
    const revocations = await openRevocations(identityFiles(node).revoked);
    const isRevoked = (fingerprint: string): boolean => revocations.has(fingerprint);
    const listener = await keepTrying(signal, log, async () => {
      const address = await adminAddress(node);
      return address === undefined ? undefined : { address, ...(await listenMtls({ identity, address, port: agentPort(), log, isRevoked, handle })) };
    });
    if (!listener) return;
    const { address, port } = listener;
    log.info('listening for the head node', { address, port });
    const client = openHeadClient({ identity, isRevoked });
    let keeping = Promise.resolve();
    const link = openHeadLink({
      facts: nodeFacts(node, identity.uuid, services),
      client,
      log,
      listensAt: { address, port },
      onRevoked(fingerprints) {
        keeping = keeping.then(() => revocations.replace(fingerprints)).catch((error: unknown) => log.failure('-', 'keep revocations', error));
      },
    });
    const renewing = keepRenewed({
      identity,
      client,
      log,
      signal,
      async onRenewed(renewed) {
        identity = renewed;
        await saveIdentity(node, renewed);
        client.renew(renewed);
        listener.renew(renewed);
      },
    });
    await new Promise((resolve) => (signal.aborted ? resolve(undefined) : signal.addEventListener('abort', resolve, { once: true })));
    await Promise.all([link.close(), renewing, listener.close()]);
    await keeping;
    await client.close();
  }
}

const RETRY_MILLISECONDS = 2000;

/** The admin network may come up after the agent. @returns undefined when the signal was aborted before */
async function keepTrying(signal: AbortSignal, log: Log, listen: () => Promise<(MtlsListener & { readonly address: string }) | undefined>): Promise<(MtlsListener & { readonly address: string }) | undefined> {
  const nap = newNap(signal);
  for (let said = false; !signal.aborted; said = true) {
    try {
      const listener = await listen();
      if (listener) return listener;
      if (!said) log.warn('this node has no address on its admin network yet, so its head node cannot reach it');
    } catch (error) {
      if (!said) log.warn(`cannot listen for the head node yet: ${reasonOf(error)}`);
    }
    await nap.take(RETRY_MILLISECONDS);
  }
  return undefined;
}

async function adminAddress(node: Node): Promise<string | undefined> {
  return (await networkFacts(await readNicTags(node)))['Admin IP'];
}

/** `ZONEWRIGHT_AGENT_PORT` lets several nodes share one host; 0 is any free one. */
function agentPort(): number {
  const text = process.env['ZONEWRIGHT_AGENT_PORT'] ?? '';
  return /^\d{1,5}$/.test(text) ? Number(text) : AGENT_PORT;
}
