/**
 * The audit trail: who asked, when, for what, how it ended and how long each step took. Each record carries the digest
 * of the one before, so that a record that was changed or taken out shows.
 */
import { createHash } from 'node:crypto';
import { open, rename, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isSystemError } from '../errors/errors.ts';
import { readFileIfPresent } from '../files/atomic.ts';
import { withLock } from '../lock/lock.ts';

export interface AuditRecord {
  readonly at: string;
  readonly operation: string;
  readonly request: string;
  readonly verb: string;
  readonly target: string;
  readonly by: string;
  readonly outcome: 'done' | 'failed' | 'undone after a crash' | 'resumed after a crash';
  readonly error?: string;
  readonly steps: ReadonlyArray<{ readonly what: string; readonly ms: number }>;
}

export interface LinkedAuditRecord extends AuditRecord {
  readonly sequence: number;
  readonly previous: string;
  readonly digest: string;
}

/** One full file is kept beside the current one: the trail is bounded. */
const MAX_BYTES = 8 * 1024 * 1024;
const TAIL_BYTES = 64 * 1024;
const FIRST_LINK = '0'.repeat(64);

/** Add a record, linked to the last one. */
export async function appendAudit(path: string, record: AuditRecord): Promise<void> {
  await withLock({ scope: dirname(path), name: 'audit', action: 'audit', waitSeconds: 30 }, async () => {
    const last = await lastRecord(path);
    if ((await sizeOf(path)) > MAX_BYTES) await rename(path, `${path}.1`);
    const linked = link(record, last);
    const file = await open(path, 'a', 0o600);
    try {
      await file.appendFile(`${JSON.stringify(linked)}\n`);
    } finally {
      await file.close();
    }
  });
}

/** Check the links of a trail: the sequence numbers at which it is broken, none when it is whole. */
export async function verifyAudit(path: string): Promise<number[]> {
  const lines = ((await readFileIfPresent(path)) ?? '').split('\n').filter((line) => line !== '');
  const records = lines.map((line) => JSON.parse(line) as LinkedAuditRecord);
  return records
    .filter((record, index) => {
      const { digest, ...content } = record;
      const before = records[index - 1];
      return digest !== digestOf(content) || (before !== undefined && record.previous !== before.digest);
    })
    .map((record) => record.sequence);
}

function link(record: AuditRecord, last: LinkedAuditRecord | undefined): LinkedAuditRecord {
  const content = { sequence: (last?.sequence ?? 0) + 1, ...record, previous: last?.digest ?? FIRST_LINK };
  return { ...content, digest: digestOf(content) };
}

function digestOf(content: Omit<LinkedAuditRecord, 'digest'>): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}

async function lastRecord(path: string): Promise<LinkedAuditRecord | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
  try {
    const { size } = await file.stat();
    const length = Math.min(size, TAIL_BYTES);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return lastWhole(buffer.toString('utf8').split('\n'));
  } finally {
    await file.close();
  }
}

/** A power cut may have left half a line at the end; the trail goes on from the last whole one. */
function lastWhole(lines: string[]): LinkedAuditRecord | undefined {
  for (const line of lines.reverse()) {
    try {
      if (line !== '') return JSON.parse(line) as LinkedAuditRecord;
    } catch {
      continue;
    }
  }
  return undefined;
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return 0;
    throw error;
  }
}
