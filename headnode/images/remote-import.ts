/** Import of an image from another server, as a job: with what it stands on, resumed where it stopped. */
import { z } from 'zod';
import { downloadImage, missingImages, openImageServer, type ImageManifest, type Imgapi } from '../../imgadm/index.ts';
import type { Database } from '../db/database.ts';
import type { StepContext, Workflow } from '../services.ts';
import { imageErrors } from './errors.ts';
import type { ImageFiles, StoredFile } from './files.ts';
import { inState, manifestFile, newManifest } from './manifest.ts';
import { deleteImage, insertImage, readImage, writeImage, type Manifest } from './rows.ts';

export const REMOTE_IMPORT = 'import-remote-image';

const paramsSchema = z.object({ image_uuid: z.string(), source: z.string() });
type Params = z.infer<typeof paramsSchema>;

export interface RemoteImportOptions {
  readonly db: Database;
  readonly files: ImageFiles;
}

/** The job's steps. An image is in state `creating` until its file is there. */
export function defineRemoteImport({ db, files }: RemoteImportOptions): Workflow {
  return {
    name: REMOTE_IMPORT,
    steps: [
      {
        name: 'images.import',
        timeoutSeconds: 6 * 3600,
        run: (context) => importAll(context, { db, files }),
        async compensate({ params }) {
          const { image_uuid: uuid } = paramsSchema.parse(params);
          const row = await readImage(db, uuid);
          if (row?.manifest.state === 'creating') await deleteImage(db, uuid);
        },
      },
    ],
  };
}

async function importAll({ params, signal, asker }: StepContext, options: RemoteImportOptions): Promise<{ evidence: string }> {
  const { image_uuid: uuid, source }: Params = paramsSchema.parse(params);
  const api = await openImageServer({ type: 'imgapi', url: source }, { requestId: asker.requestId });
  try {
    const manifest = await api.get(uuid, signal);
    if (!manifest) throw imageErrors.ResourceNotFound({ uuid });
    const chain = await missingImages({ manifest, api }, { isInstalled: (origin) => isHere(options.db, origin), onInstalled: () => undefined, signal });
    for (const one of chain) await importOne(api, one, signal, options);
    return { evidence: `imported ${chain.map((one) => one.uuid).join(', ')} from ${source}` };
  } finally {
    await api.close();
  }
}

async function isHere(db: Database, uuid: string): Promise<boolean> {
  const state = (await readImage(db, uuid))?.manifest.state;
  return state === 'active' || state === 'disabled';
}

async function importOne(api: Imgapi, theirs: ImageManifest, signal: AbortSignal, { db, files }: RemoteImportOptions): Promise<void> {
  if (await isHere(db, theirs.uuid)) return;
  const manifest = await newManifest(theirs, { uuid: theirs.uuid, state: 'creating' });
  if (!(await readImage(db, theirs.uuid))) await insertImage(db, manifest);
  const download = await downloadImage(api, theirs, { directory: files.incoming, signal });
  try {
    await files.adopt(download.path, (file) => keep(db, { manifest, theirs, file }));
  } finally {
    await download.keep();
  }
}

interface Fetched {
  readonly manifest: Manifest;
  readonly theirs: ImageManifest;
  readonly file: StoredFile;
}

async function keep(db: Database, { manifest, theirs, file }: Fetched): Promise<void> {
  const { compression, dataset_guid } = theirs.files?.[0] ?? {};
  const stored = { ...manifestFile(file), compression, ...(dataset_guid === undefined ? {} : { dataset_guid }) };
  const published_at = manifest['published_at'] ?? new Date().toISOString();
  const state = theirs['state'] === 'disabled' ? 'disabled' : 'active';
  await writeImage(db, { manifest: { ...inState(manifest, state), published_at, files: [stored] }, file });
}
