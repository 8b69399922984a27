import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import type { Dataset } from '../../host/config/units.ts';
import { readFileIfPresent, syncDirectory, writeFileAtomically } from '../../host/files/atomic.ts';
import { imgadmErrors } from '../errors.ts';
import type { ImageManifest } from '../manifest/manifest.ts';
import { imageDataset, recordPath } from './names.ts';

/** What is remembered of an image beside its dataset. ZFS says whether the image exists; this says what it is. */
export interface ImageRecord {
  readonly manifest: ImageManifest;
  readonly zpool: string;
  /** The URL it came from; none for a file. */
  readonly source?: string;
}

export interface InstalledImage extends ImageRecord {
  readonly dataset: Dataset;
}

/** Read an image's record; undefined when there is none. No program is started. @throws InvalidManifest when it is damaged */
export async function readRecord(node: Node, uuid: string): Promise<InstalledImage | undefined> {
  const path = recordPath(node, uuid);
  const text = await readFileIfPresent(path);
  if (text === undefined) return undefined;
  try {
    const record = JSON.parse(text) as ImageRecord;
    if (record.manifest.uuid !== uuid) throw new Error('it is the record of another image');
    return { ...record, dataset: imageDataset(node, uuid) };
  } catch (error) {
    throw imgadmErrors.InvalidManifest({ reason: `record ${path}: ${(error as Error).message}` }, { cause: error });
  }
}

/** Keep an image's record, durably. */
export async function writeRecord(node: Node, record: ImageRecord): Promise<void> {
  const path = recordPath(node, record.manifest.uuid);
  await writeFileAtomically(path, `${JSON.stringify(record, null, 2)}\n`, { durable: true });
}

/** Forget an image's record, durably. */
export async function removeRecord(node: Node, uuid: string): Promise<void> {
  const path = recordPath(node, uuid);
  await rm(path, { force: true });
  await syncDirectory(dirname(path));
}
