/** One instance's record as the metadata service reads and writes it. */
import type { Node } from '../../host/config/node-config.ts';
import { isErrorCode } from '../../host/errors/errors.ts';
import { withLock } from '../../host/lock/lock.ts';
import { liveFacts } from '../instance/live.ts';
import { lockName } from '../lifecycle/perform.ts';
import { toVmObject, type VmRecord } from '../payload/index.ts';
import { readRecord, writeRecord } from '../store/records.ts';
import type { MetadataStore } from './conversation.ts';
import { listKeys, readKey, writeKey, type MetadataVm, type Write } from './keys.ts';
import { newPace } from './pace.ts';
import type { RecordReader } from './record-reader.ts';

/** Durable writes that one guest may cause in a second; what it asks for meanwhile goes with the next one. */
const WRITES_PER_SECOND = 5;
/** How long a guest waits for an operation that holds its instance. Its own patience ends after that. */
const LOCK_SECONDS = 20;

const GONE = { status: 'failure', text: 'This instance does not exist any more.' } as const;
const BUSY = { status: 'failure', text: 'Another operation works on this instance. Try again later.' } as const;

/** What a guest reads and writes, backed by its instance's record on disk. */
export function instanceStore(node: Node, uuid: string, records: RecordReader): MetadataStore {
  return {
    async read(key) {
      const record = await records.read(uuid);
      if (!record) return GONE;
      return readKey(key.startsWith('sdc:') ? await wholeView(node, record) : viewOf(record), key);
    },
    async list() {
      const record = await records.read(uuid);
      return record ? listKeys(viewOf(record)) : [];
    },
    write: newWriter(node, uuid),
  };
}

/** Metadata alone: all that most requests need. */
function viewOf(record: VmRecord): MetadataVm {
  return {
    customer_metadata: record.customer_metadata,
    internal_metadata: record.internal_metadata,
    internal_metadata_namespaces: record.internal_metadata_namespaces ?? [],
    tags: record.tags,
    nics: record.nics,
    resolvers: record.resolvers,
    routes: record.routes,
  };
}

/** The instance as `get` shows it, where keys with `sdc:` come from. It runs, or nobody would ask. */
async function wholeView(node: Node, record: VmRecord): Promise<MetadataVm> {
  const live = await liveFacts(node, record, { groups: new Set([record.uuid]), operations: new Map() });
  const shown = toVmObject(record, live);
  return { ...viewOf(record), ...shown, ...(Array.isArray(shown['nics']) ? { nics: shown['nics'] } : {}) } as MetadataVm;
}

type Written = Awaited<ReturnType<MetadataStore['write']>>;

interface PendingWrite {
  readonly key: string;
  readonly value: string | null;
  resolve(written: Written): void;
  reject(error: unknown): void;
}

/** Writes that come while one is on its way to disk wait and go there together. */
function newWriter(node: Node, uuid: string): MetadataStore['write'] {
  const pace = newPace(WRITES_PER_SECOND);
  let pending: PendingWrite[] = [];
  let working = false;

  async function work(): Promise<void> {
    working = true;
    while (pending.length > 0) {
      await pace();
      const batch = pending;
      pending = [];
      try {
        const written = await writeBatch(node, uuid, batch);
        for (const [index, { resolve }] of batch.entries()) resolve(written[index] ?? GONE);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    working = false;
  }

  return (key, value) =>
    new Promise<Written>((resolve, reject) => {
      pending.push({ key, value, resolve, reject });
      if (!working) void work();
    });
}

async function writeBatch(node: Node, uuid: string, batch: readonly PendingWrite[]): Promise<Written[]> {
  try {
    return await withLock({ scope: node.paths.config, name: lockName(uuid), action: 'metadata', waitSeconds: LOCK_SECONDS }, async () => {
      const record = await readRecord(node, uuid);
      if (!record) return batch.map(() => GONE);
      let changed = record;
      const written = batch.map(({ key, value }): Written => {
        const write = writeKey(viewOf(changed), key, value);
        if (write.status === 'failure') return write;
        changed = withWrite(changed, write);
        return { status: 'success' };
      });
      if (changed !== record) await writeRecord(node, { ...changed, last_modified: new Date().toISOString() });
      return written;
    });
  } catch (error) {
    if (isErrorCode(error, 'LockTimeout')) return batch.map(() => BUSY);
    throw error;
  }
}

/** The same record when the write changes nothing. */
function withWrite(record: VmRecord, { object, key, value }: Extract<Write, { status: 'success' }>): VmRecord {
  const { [key]: held, ...others } = record[object];
  const present = Object.hasOwn(record[object], key);
  if (value === null) return present ? { ...record, [object]: others } : record;
  if (present && held === value) return record;
  // Spread and computed names make own properties, also of `__proto__`. What was there keeps its place in the order.
  return { ...record, [object]: { ...record[object], [key]: value } };
}
