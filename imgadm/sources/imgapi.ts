/** The calls of IMGAPI that imgadm makes (reference §3.3, §3.4, §3.6). */
import type { Readable } from 'node:stream';
import { isErrorCode } from '../../host/errors/errors.ts';
import { isUuid } from '../../host/config/units.ts';
import { imgadmErrors } from '../errors.ts';
import type { ImageManifest } from '../manifest/manifest.ts';
import { validateManifest } from '../manifest/validate.ts';
import { openHttp, plainText, type HttpAnswer, type HttpOptions, type SourceHttp } from './http.ts';
import type { ImageSource } from './source.ts';

export interface Imgapi {
  readonly source: ImageSource;
  /** @throws ClientError when what answers is no IMGAPI */
  ping(signal?: AbortSignal): Promise<void>;
  /** All active images, as far as their manifests are good; the others are told to `onBad`. */
  list(onBad: (reason: string) => void, signal?: AbortSignal): Promise<ImageManifest[]>;
  /** One image in any state; undefined when the source has none of that uuid. @throws InvalidManifest, ManifestValidation */
  get(uuid: string, signal?: AbortSignal): Promise<ImageManifest | undefined>;
  /** The image's file from byte `from` on: 206, or 200 from the start where the server knows no ranges, or 416. */
  file(uuid: string, from: number, signal?: AbortSignal): Promise<HttpAnswer>;
  importImage(manifest: ImageManifest): Promise<void>;
  addFile(uuid: string, file: ImageUpload): Promise<ImageManifest>;
  activate(uuid: string): Promise<void>;
  deleteImage(uuid: string): Promise<void>;
  close(): Promise<void>;
}

export interface ImageUpload {
  readonly stream: Readable;
  readonly size: number;
  readonly sha1: string;
  readonly compression: string;
  readonly datasetGuid?: string | undefined;
}

/** A manifest has at most 100 KiB of tags, and little besides. */
const MOST_MANIFEST_BYTES = 1024 ** 2;
const MOST_LIST_BYTES = 64 * 1024 ** 2;
const PAGE = 1000;
const MOST_PAGES = 100;

/** Open an IMGAPI. */
export async function openImgapi(source: ImageSource, options: HttpOptions = {}): Promise<Imgapi> {
  const http = await openHttp(source, options);
  const image = (uuid: string): string => `/images/${pathUuid(uuid)}`;
  const act = async (uuid: string, action: string, body: unknown): Promise<unknown> =>
    http.json({ method: 'POST', path: image(uuid), query: { action }, headers: JSON_BODY, body: JSON.stringify(body), accept: [200, 201, 202] }, MOST_MANIFEST_BYTES);
  return {
    source,
    ping: (signal) => ping(http, signal),
    list: (onBad, signal) => listAll(http, onBad, signal),
    get: (uuid, signal) => getOne(http, uuid, signal),
    file: (uuid, from, signal) =>
      http.send({ path: `${image(uuid)}/file`, headers: { accept: '*/*', ...(from > 0 ? { range: `bytes=${from}-` } : {}) }, accept: [200, 206, 416], signal }),
    importImage: async (manifest) => void (await act(manifest.uuid, 'import', manifest)),
    addFile: (uuid, file) => upload(http, uuid, file),
    activate: async (uuid) => void (await act(uuid, 'activate', {})),
    deleteImage: async (uuid) => void (await http.json({ method: 'DELETE', path: image(uuid), accept: [200, 204] }, MOST_MANIFEST_BYTES)),
    close: () => http.close(),
  };
}

const JSON_BODY = { 'content-type': 'application/json' };

async function ping(http: SourceHttp, signal: AbortSignal | undefined): Promise<void> {
  const pong = await http.json({ path: '/ping', signal }, 64 * 1024);
  if (!(pong as { imgapi?: unknown } | null)?.imgapi) throw imgadmErrors.ClientError({ url: http.source.url, reason: 'it is not an IMGAPI: its ping has no "imgapi"' });
}

async function getOne(http: SourceHttp, uuid: string, signal: AbortSignal | undefined): Promise<ImageManifest | undefined> {
  try {
    const manifest = validateManifest(await http.json({ path: `/images/${pathUuid(uuid)}`, signal }, MOST_MANIFEST_BYTES));
    if (manifest.uuid !== uuid) throw imgadmErrors.InvalidManifest({ reason: `${http.source.url} was asked for image ${uuid} and answered with ${manifest.uuid}` });
    return manifest;
  } catch (error) {
    if (isErrorCode(error, 'ResourceNotFound')) return undefined;
    throw error;
  }
}

/** Page through a list (reference §3.4). A server that knows no pages answers the same again, which ends it. */
async function listAll(http: SourceHttp, onBad: (reason: string) => void, signal: AbortSignal | undefined): Promise<ImageManifest[]> {
  const found = new Map<string, ImageManifest>();
  const bad = new Set<string>();
  let marker: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const query = marker === undefined ? {} : { limit: String(PAGE), marker };
    const items = await http.json({ path: '/images', query, signal }, MOST_LIST_BYTES);
    if (!Array.isArray(items)) throw imgadmErrors.ClientError({ url: http.source.url, reason: 'its list of images is not a list' });
    const known = found.size + bad.size;
    for (const item of items as unknown[]) take(item, found, bad, onBad);
    const last = (items.at(-1) as { uuid?: unknown } | undefined)?.uuid;
    if (items.length < PAGE || found.size + bad.size === known || last === marker || !isUuid(last)) break;
    marker = last;
  }
  return [...found.values()];
}

function take(item: unknown, found: Map<string, ImageManifest>, bad: Set<string>, onBad: (reason: string) => void): void {
  try {
    const manifest = validateManifest(item);
    found.set(manifest.uuid, manifest);
  } catch (error) {
    const uuid = plainText(String((item as { uuid?: unknown } | null)?.uuid));
    if (!bad.has(uuid)) onBad(`image ${uuid}: ${(error as Error).message}`);
    bad.add(uuid);
  }
}

async function upload(http: SourceHttp, uuid: string, file: ImageUpload): Promise<ImageManifest> {
  const query = { compression: file.compression, sha1: file.sha1, dataset_guid: file.datasetGuid };
  const headers = { 'content-type': 'application/octet-stream', 'content-length': String(file.size) };
  return validateManifest(await http.json({ method: 'PUT', path: `/images/${pathUuid(uuid)}/file`, query, headers, body: file.stream }, MOST_MANIFEST_BYTES));
}

function pathUuid(uuid: string): string {
  if (!isUuid(uuid)) throw new Error(`not a uuid: ${uuid}`);
  return uuid;
}
