import { stat } from 'node:fs/promises';
import type { Node } from '../../host/config/node-config.ts';
import { isSystemError } from '../../host/errors/errors.ts';
import type { VmRecord } from '../payload/index.ts';
import { readRecord, recordPath } from '../store/records.ts';

/** Records as they are on disk now, without reading again what has not changed. */
export interface RecordReader {
  read(uuid: string): Promise<VmRecord | undefined>;
}

/** A record may hold megabytes of metadata, and there may be a thousand guests. */
const MOST_KEPT = 8;

/** Read records for guests that ask again and again. Only the last few that were asked for are kept. */
export function newRecordReader(node: Node): RecordReader {
  const kept = new Map<string, { readonly version: string; readonly record: VmRecord }>();
  return {
    async read(uuid) {
      const version = await versionOf(recordPath(node, uuid));
      const known = kept.get(uuid);
      kept.delete(uuid);
      if (version === undefined) return undefined;
      const record = known?.version === version ? known.record : await readRecord(node, uuid);
      if (!record) return undefined;
      // Read after its version was taken: a change in between is seen at the next request.
      kept.set(uuid, { version, record });
      for (const oldest of kept.keys()) {
        if (kept.size <= MOST_KEPT) break;
        kept.delete(oldest);
      }
      return record;
    },
  };
}

/** Changes with the record: records are replaced as a whole, by a new file. Undefined when there is none. */
export async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { ino, mtimeNs, size } = await stat(path, { bigint: true });
    return `${ino}:${mtimeNs}:${size}`;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}
