/**
 * All instances of the node in memory, as `vmadm get` shows them.
 *
 * The truth is on disk and in the kernel. The kernel says when a record is replaced, when an operation begins or ends and
 * when a group's last process is gone, whoever caused it; then that instance is looked at again. Reading waits until
 * everything that the kernel has said so far is taken in (`settled`), so that who has just changed something sees it. A
 * slow look around finds what no event told.
 */
import { readdir } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { versionOf } from '../../vmadm/metadata/record-reader.ts';
import type { Node } from '../../host/config/node-config.ts';
import { isUuid } from '../../host/config/units.ts';
import type { VmObject } from '../../vmadm/engine.ts';
import { liveFacts } from '../../vmadm/instance/live.ts';
import { stateOf } from '../../vmadm/instance/state.ts';
import { toVmObject, type VmRecord } from '../../vmadm/payload/index.ts';
import { readRecord, recordPath } from '../../vmadm/store/records.ts';
import type { Log } from '../log.ts';
import { watchGroups } from './groups.ts';
import { inTurn } from './in-turn.ts';
import { watchJournals } from './journals.ts';
import { watchPath } from './watch.ts';

export interface InstanceIndex {
  /** All instances, oldest first. */
  list(): readonly VmObject[];
  get(uuid: string): VmObject | undefined;
  /** Resolves when everything that happened on this node before is in the index. */
  settled(): Promise<void>;
  /** Look at an instance again. */
  touch(uuid: string): void;
  close(): void;
}

/** An instance that is new, is different or is gone. */
export interface IndexChange {
  readonly uuid: string;
  readonly before: VmObject | undefined;
  readonly after: VmObject | undefined;
}

export interface IndexOptions {
  readonly log: Log;
  /** Not called for what is there when the index opens. */
  onChange?(change: IndexChange): void;
}

/** How often everything is compared, should an event have been lost. Without the unified hierarchy only this shows who runs. */
const RECONCILE_MILLISECONDS = 60_000;
const POLL_MILLISECONDS = 1000;

interface Entry {
  readonly record: VmRecord;
  readonly version: string;
  readonly vm: VmObject;
}

/** Open the index: when this resolves it knows all instances. */
export async function openIndex(node: Node, { log, onChange }: IndexOptions): Promise<InstanceIndex> {
  const entries = new Map<string, Entry>();
  let ordered: readonly VmObject[] | undefined;
  let open = false;

  async function look(uuid: string): Promise<void> {
    try {
      put(uuid, await entryOf(node, uuid, journals.verbs()));
    } catch (error) {
      log.failure(uuid, 'look at instance', error);
    }
  }

  function put(uuid: string, entry: Entry | undefined): void {
    const before = entries.get(uuid)?.vm;
    if (entry) entries.set(uuid, entry);
    else entries.delete(uuid);
    ordered = undefined;
    if (open && (before || entry)) onChange?.({ uuid, before, after: entry?.vm });
  }

  const looks = inTurn(look);
  const touch = (uuid: string): void => {
    if (isUuid(uuid)) looks.touch(uuid);
  };
  const failed = (error: unknown): void => log.failure('-', 'index', error);
  const records = watchPath(node.paths.instances, (kind, name) => (name === undefined ? void reconcile().catch(failed) : name.endsWith('.json') && touch(name.slice(0, -'.json'.length))));
  const journals = watchJournals(node, touch, failed);
  const groups = watchGroups(node, (uuid) => entries.has(uuid) && touch(uuid));

  async function reconcile(): Promise<void> {
    groups?.recheck();
    await journals.recheck();
    const names = (await readdir(node.paths.instances)).filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length));
    for (const uuid of new Set([...entries.keys(), ...names])) if (await isStale(node, uuid, entries.get(uuid))) touch(uuid);
  }

  async function poll(): Promise<void> {
    for (const [uuid, { record, vm }] of entries) if ((await runs(node, record)) !== (vm.zone_state === 'running')) touch(uuid);
  }

  async function settled(): Promise<void> {
    // What the kernel has queued is read in this turn of the event loop.
    await nextTurn();
    await journals.settled();
    await looks.settled();
  }

  await reconcile();
  await settled();
  open = true;
  const timers = [every(RECONCILE_MILLISECONDS, () => reconcile().catch(failed)), ...(groups ? [] : [every(POLL_MILLISECONDS, () => poll().catch(failed))])];
  return {
    list: () => (ordered ??= [...entries.values()].sort((one, other) => order(one.record, other.record)).map(({ vm }) => vm)),
    get: (uuid) => entries.get(uuid)?.vm,
    settled,
    touch,
    close() {
      for (const timer of timers) clearInterval(timer);
      for (const watching of [records, journals, groups]) watching?.close();
    },
  };
}

async function entryOf(node: Node, uuid: string, operations: ReadonlyMap<string, string>): Promise<Entry | undefined> {
  const version = await versionOf(recordPath(node, uuid));
  // Read after its version was taken: a change in between is seen at the next look.
  const record = version === undefined ? undefined : await readRecord(node, uuid);
  if (version === undefined || !record) return undefined;
  const live = await liveFacts(node, record, { groups: new Set([uuid]), operations });
  return { record, version, vm: toVmObject(record, live) };
}

async function isStale(node: Node, uuid: string, entry: Entry | undefined): Promise<boolean> {
  if (!entry || (await versionOf(recordPath(node, uuid))) !== entry.version) return true;
  return (await runs(node, entry.record)) !== (entry.vm.zone_state === 'running');
}

async function runs(node: Node, record: VmRecord): Promise<boolean> {
  const { zone_state } = await stateOf(node, record, { groups: new Set([record.uuid]), operations: new Map() });
  return zone_state === 'running';
}


function order(one: VmRecord, other: VmRecord): number {
  return one.create_timestamp < other.create_timestamp ? -1 : Number(one.create_timestamp > other.create_timestamp);
}

function every(milliseconds: number, work: () => Promise<void>): NodeJS.Timeout {
  return setInterval(() => void work(), milliseconds).unref();
}
