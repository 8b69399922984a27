/**
 * Instances as the node remembers them: one JSON file each, in the pool's `config` dataset. A record that is being
 * created lies beside them as staged, so that no other create takes its uuid, addresses or ports, and becomes an instance
 * by a rename.
 */
import { readFileSync } from 'node:fs';
import { link, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { isUuid } from '../../host/config/units.ts';
import { isSystemError } from '../../host/errors/errors.ts';
import { readFileIfPresent, syncDirectory, writeFileAtomically } from '../../host/files/atomic.ts';
import type { VmRecord } from '../payload/index.ts';

/** One instance's record, undefined when there is no such instance. */
export async function readRecord(node: Node, uuid: string): Promise<VmRecord | undefined> {
  if (!isUuid(uuid)) return undefined;
  const text = await readFileIfPresent(recordPath(node, uuid));
  return text === undefined ? undefined : (JSON.parse(text) as VmRecord);
}

/** All instances, oldest first. */
export async function listRecords(node: Node): Promise<VmRecord[]> {
  const names = await readdir(node.paths.instances);
  const records = names.filter((name) => isUuid(name.replace(/\.json$/, ''))).flatMap((name) => readRecordNow(join(node.paths.instances, name)));
  return records.sort((one, other) => (one.create_timestamp < other.create_timestamp ? -1 : one.create_timestamp > other.create_timestamp ? 1 : 0));
}

/** Replace an instance's record, durably. */
export async function writeRecord(node: Node, record: VmRecord): Promise<void> {
  await writeFileAtomically(recordPath(node, record.uuid), textOf(record), { durable: true });
}

/** Forget an instance, durably; it is no error when it is not there. */
export async function removeRecord(node: Node, uuid: string): Promise<void> {
  await rm(recordPath(node, uuid), { force: true });
  await syncDirectory(node.paths.instances);
}

/** Put a new record beside the others for the operation that will create it. */
export async function stageRecord(node: Node, record: VmRecord, operation: string): Promise<void> {
  await writeFileAtomically(stagedPath(node, record.uuid, operation), textOf(record), { durable: true });
}

/** Make a staged record an instance. */
export async function publishRecord(node: Node, uuid: string, operation: string): Promise<void> {
  await rename(stagedPath(node, uuid, operation), recordPath(node, uuid));
  await syncDirectory(node.paths.instances);
}

/** Put a staged record in the place of the instance's own, which is kept until the operation is over. */
export async function replaceRecord(node: Node, uuid: string, operation: string): Promise<void> {
  try {
    await link(recordPath(node, uuid), previousPath(node, uuid, operation));
  } catch (error) {
    // An earlier attempt came as far as this.
    if (!isSystemError(error, 'EEXIST')) throw error;
  }
  await publishRecord(node, uuid, operation);
}

/** Put back the record that an operation replaced, if it did, and forget what it staged. */
export async function restoreRecord(node: Node, uuid: string, operation: string): Promise<void> {
  try {
    await rename(previousPath(node, uuid, operation), recordPath(node, uuid));
  } catch (error) {
    if (!isSystemError(error, 'ENOENT')) throw error;
  }
  // Renaming one of two names of a file to the other leaves both, so this removes the kept one too.
  await removeStagedRecord(node, uuid, operation);
  await syncDirectory(node.paths.instances);
}

/** The record that an operation replaced, undefined when it has not. */
export async function readPreviousRecord(node: Node, uuid: string, operation: string): Promise<VmRecord | undefined> {
  const text = await readFileIfPresent(previousPath(node, uuid, operation));
  return text === undefined ? undefined : (JSON.parse(text) as VmRecord);
}

/** A staged record's content, undefined when it is published or gone. */
export async function readStagedRecord(node: Node, uuid: string, operation: string): Promise<VmRecord | undefined> {
  const text = await readFileIfPresent(stagedPath(node, uuid, operation));
  return text === undefined ? undefined : (JSON.parse(text) as VmRecord);
}

/** Forget what an operation has staged or replaced. */
export async function removeStagedRecord(node: Node, uuid: string, operation: string): Promise<void> {
  await rm(stagedPath(node, uuid, operation), { force: true });
  await rm(previousPath(node, uuid, operation), { force: true });
}

/**
 * What instances have, and what operations are about to give them: nobody else may have it. Staged records are read first; one that is
 * published in between would else be in neither list. It may be in both.
 */
export async function recordsInUse(node: Node): Promise<VmRecord[]> {
  const staged = await readStagedRecords(node);
  return [...(await listRecords(node)), ...staged];
}

async function readStagedRecords(node: Node): Promise<VmRecord[]> {
  const staged = await listStagedRecords(node);
  const records = await Promise.all(staged.map(({ uuid, operation }) => readStagedRecord(node, uuid, operation)));
  return records.filter((record) => record !== undefined);
}

/** Records that are staged now or were replaced, with the operations that they belong to. */
export async function listStagedRecords(node: Node): Promise<Array<{ readonly uuid: string; readonly operation: string }>> {
  const names = await readdir(node.paths.instances);
  return names.flatMap((name) => {
    const [, uuid, operation] = STAGED.exec(name) ?? [];
    return uuid !== undefined && operation !== undefined ? [{ uuid, operation }] : [];
  });
}

const STAGED = /^\.([0-9a-f-]{36})\.([0-9a-f-]{36})\.(?:staged|previous)$/;

/** The file that holds an instance's record. */
export function recordPath(node: Node, uuid: string): string {
  return join(node.paths.instances, `${uuid}.json`);
}

function stagedPath(node: Node, uuid: string, operation: string): string {
  return join(node.paths.instances, `.${uuid}.${operation}.staged`);
}

function previousPath(node: Node, uuid: string, operation: string): string {
  return join(node.paths.instances, `.${uuid}.${operation}.previous`);
}

/** Small files in their thousands: reading them at once costs less than scheduling each. */
function readRecordNow(path: string): VmRecord[] {
  try {
    return [JSON.parse(readFileSync(path, 'utf8')) as VmRecord];
  } catch (error) {
    // Deleted since the directory was read.
    if (isSystemError(error, 'ENOENT')) return [];
    throw error;
  }
}

function textOf(record: VmRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}
