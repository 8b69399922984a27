/** Publish an image's manifest and file to an IMGAPI (reference §3.6). Whatever fails on the way, the server keeps nothing of it. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { Transform, type Readable } from 'node:stream';
import { imgadmErrors } from '../errors.ts';
import type { ImageManifest } from '../manifest/manifest.ts';
import { parseManifest } from '../manifest/validate.ts';
import { openImgapi, type Imgapi, type ImageUpload } from '../sources/imgapi.ts';
import type { ImageSource } from '../sources/source.ts';
import { compressionOf } from '../unpack/compression.ts';

export interface PublishOptions {
  readonly manifestPath: string;
  readonly filePath: string;
  readonly to: ImageSource;
  readonly requestId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: PublishProgress) => void;
}

export type PublishProgress =
  | { readonly what: 'imported' | 'activated'; readonly manifest: ImageManifest }
  | { readonly what: 'added'; readonly manifest: ImageManifest; readonly compression: string }
  | { readonly what: 'uploading'; readonly sent: number; readonly size: number };

/**
 * Give an image to a server: its manifest, its file, and then it is active.
 * @throws InvalidManifest, ManifestValidation, FileSystem, UploadError when the server has something else than was sent,
 * ClientError and what the server answers
 */
export async function publishImage(options: PublishOptions): Promise<ImageManifest> {
  const manifest = parseManifest(await readFile(options.manifestPath, 'utf8').catch((error: unknown) => Promise.reject(cannotRead(options.manifestPath, error))));
  const file = await open(options.filePath, 'r').catch((error: unknown) => Promise.reject(cannotRead(options.filePath, error)));
  const api = await openImgapi(options.to, { requestId: options.requestId });
  try {
    const upload = await describe(file, manifest, options);
    await api.importImage(manifest);
    try {
      options.onProgress?.({ what: 'imported', manifest });
      await addFile(api, manifest, file, upload, options);
      options.onProgress?.({ what: 'added', manifest, compression: upload.compression });
      options.signal?.throwIfAborted();
      await api.activate(manifest.uuid);
    } catch (error) {
      await api.deleteImage(manifest.uuid).catch(() => undefined);
      throw options.signal?.aborted ? imgadmErrors.UploadError({ reason: `interrupted: image ${manifest.uuid} was not published` }, { cause: error }) : error;
    }
    options.onProgress?.({ what: 'activated', manifest });
    return manifest;
  } finally {
    await api.close();
    await file.close();
  }
}

type Described = Omit<ImageUpload, 'stream'>;

/** What the file is, held against what the manifest says before anything is sent. */
async function describe(file: FileHandle, manifest: ImageManifest, { filePath }: PublishOptions): Promise<Described> {
  const stats = await file.stat();
  if (!stats.isFile() || stats.size === 0) throw imgadmErrors.FileSystem({ path: filePath, reason: stats.isFile() ? 'it is empty' : 'it is not a regular file' });
  const hash = createHash('sha1');
  for await (const chunk of readAll(file)) hash.update(chunk as Buffer);
  const sha1 = hash.digest('hex');
  const [stated] = manifest.files ?? [];
  for (const [what, expected, actual] of [['size', stated?.size, stats.size], ['sha1', stated?.sha1, sha1]] as const) {
    if (expected !== undefined && expected !== actual) throw imgadmErrors.UploadError({ reason: `${what} of "${filePath}" does not match the manifest: expected ${expected}, got ${actual}` });
  }
  const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 0);
  return { size: stats.size, sha1, compression: stated?.compression ?? compressionOf(buffer), datasetGuid: stated?.dataset_guid };
}

async function addFile(api: Imgapi, manifest: ImageManifest, file: FileHandle, upload: Described, options: PublishOptions): Promise<void> {
  const answer = await api.addFile(manifest.uuid, { ...upload, stream: counted(readAll(file), upload.size, options) });
  const [stored] = answer.files ?? [];
  for (const what of ['sha1', 'size'] as const) {
    if (stored?.[what] !== upload[what]) throw imgadmErrors.UploadError({ reason: `${what} of what ${api.source.url} stored does not match: expected ${upload[what]}, got ${String(stored?.[what])}` });
  }
}

function counted(stream: Readable, size: number, { signal, onProgress }: PublishOptions): Readable {
  let sent = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sent += chunk.length;
      onProgress?.({ what: 'uploading', sent, size });
      done(null, chunk);
    },
  });
  signal?.addEventListener('abort', () => counter.destroy(new Error('interrupted')), { once: true });
  stream.on('error', (error) => counter.destroy(error));
  return stream.pipe(counter);
}

function readAll(file: FileHandle): Readable {
  return createReadStream('', { fd: file, start: 0, autoClose: false, highWaterMark: 256 * 1024 });
}

function cannotRead(path: string, error: unknown): Error {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  return imgadmErrors.FileSystem({ path, reason: code === 'ENOENT' ? 'there is no such file' : code }, { cause: error });
}
