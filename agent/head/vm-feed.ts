/**
 * Instances with all their properties, for a head node that wants them (reference/control-plane §1.7): first all of them, then each
 * one that changes. What is sent is always the instance as it is then, so a change that comes while one is on its way is
 * not lost and many changes of one instance are one message.
 */
import type { Log } from '../log.ts';
import { reasonOf } from '../log.ts';
import type { Backoff } from './backoff.ts';
import type { HeadClient } from './client.ts';
import type { NodeFacts } from './facts.ts';
import { newNap } from './nap.ts';

export interface VmFeed {
  /** The head node wants all of them, and each change from now on. */
  tellAll(): void;
  changed(uuid: string): void;
  /** The head node is lost: it says when it wants something again. */
  forget(): void;
  readonly ended: Promise<void>;
}

export interface VmFeedOptions {
  readonly facts: NodeFacts;
  readonly client: Pick<HeadClient, 'send'>;
  readonly log: Log;
  readonly backoff: Backoff;
  readonly signal: AbortSignal;
}

const TIMEOUT = 30_000;
const FOR_LONG = 3_600_000;

export function openVmFeed({ facts, client, log, backoff, signal }: VmFeedOptions): VmFeed {
  const changes = new Set<string>();
  /** Brands of those that were sent: one that is gone is still called what it was. */
  const brands = new Map<string, string>();
  let wanted: 'nothing' | 'all' | 'changes' = 'nothing';
  const [nap, rest] = [newNap(signal), newNap(signal)];

  async function sendAll(): Promise<void> {
    changes.clear();
    const vms = await facts.vms();
    await client.send({ method: 'PUT', path: `/vms?server_uuid=${facts.uuid}`, body: { vms: Object.fromEntries(vms.map((vm) => [vm.uuid, vm])) }, timeout: TIMEOUT, signal });
    brands.clear();
    for (const { uuid, brand } of vms) brands.set(uuid, brand);
  }

  async function sendOne(uuid: string): Promise<void> {
    const vm = await facts.vm(uuid);
    const gone = { uuid, brand: brands.get(uuid) ?? 'unknown', state: 'destroyed', zone_state: 'destroyed' };
    await client.send({ method: 'PUT', path: `/vms/${uuid}`, body: vm ?? gone, timeout: TIMEOUT, signal });
    if (vm) brands.set(uuid, vm.brand);
    else brands.delete(uuid);
  }

  async function sendNext(): Promise<boolean> {
    if (wanted === 'all') {
      wanted = 'changes';
      await sendAll();
      return true;
    }
    const [uuid] = changes;
    if (wanted === 'nothing' || uuid === undefined) return false;
    changes.delete(uuid);
    await sendOne(uuid);
    return true;
  }

  async function keepTelling(): Promise<void> {
    while (!signal.aborted) {
      try {
        const sent = await sendNext();
        backoff.reset();
        // Nothing comes between that look and here.
        if (!sent) await nap.take(FOR_LONG);
      } catch (error) {
        if (signal.aborted) return;
        log.warn(`instances did not reach the head node: ${reasonOf(error)}`);
        // Which of them it has is not known any more.
        if (wanted === 'changes') wanted = 'all';
        await rest.take(backoff.next());
      }
    }
  }

  return {
    tellAll() {
      wanted = 'all';
      nap.wake();
    },
    changed(uuid) {
      if (wanted === 'nothing') return;
      changes.add(uuid);
      nap.wake();
    },
    forget() {
      wanted = 'nothing';
      changes.clear();
    },
    ended: keepTelling(),
  };
}
