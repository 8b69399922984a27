/** All of a node's sources, asked together. */
import type { Node } from '../../host/config/node-config.ts';
import { imgadmErrors } from '../errors.ts';
import type { ImageManifest } from '../manifest/manifest.ts';
import { readSources } from './config.ts';
import { failureOf } from './failures.ts';
import { openImgapi, type Imgapi } from './imgapi.ts';
import type { ImageSource } from './source.ts';

export interface SourcesOptions {
  /** Instead of those of the node's configuration. */
  readonly sources?: readonly ImageSource[] | undefined;
  /** The channel to ask those for whose URL names none. */
  readonly channel?: string | undefined;
  readonly requestId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An image as a source has it. */
export interface FoundImage {
  readonly manifest: ImageManifest;
  readonly api: Imgapi;
}

/** Do something with the node's sources, in their order. @throws NoSources */
export async function withSources<Result>(node: Node, options: SourcesOptions, work: (apis: readonly Imgapi[]) => Promise<Result>): Promise<Result> {
  const sources = options.sources ?? (await readSources(node));
  if (sources.length === 0) throw imgadmErrors.NoSources();
  const apis: Imgapi[] = [];
  try {
    const { channel, requestId } = options;
    for (const source of sources) apis.push(await openImgapi(channel === undefined ? source : { ...source, channel }, { requestId }));
    return await work(apis);
  } finally {
    await Promise.all(apis.map((api) => api.close()));
  }
}

/**
 * The first source that has an image. What another source has to complain of counts only when none has it.
 * @param active pass over images that are not active
 * @throws what the sources that failed said, when no source has it
 */
export async function findInSources(apis: readonly Imgapi[], uuid: string, options: { readonly active: boolean; readonly signal?: AbortSignal | undefined }): Promise<FoundImage | undefined> {
  const failures: unknown[] = [];
  for (const api of apis) {
    try {
      const manifest = await api.get(uuid, options.signal);
      if (manifest && (!options.active || (manifest.state ?? 'active') === 'active')) return { manifest, api };
    } catch (error) {
      if (options.signal?.aborted) throw error;
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failureOf(failures);
  return undefined;
}

export interface Available {
  readonly manifest: ImageManifest;
  /** The URL of its source. */
  readonly source: string;
}

/** Every active image, each from the first source that lists it, and what went wrong with the others. */
export async function listAvailable(apis: readonly Imgapi[], onNote: (note: string) => void, signal?: AbortSignal): Promise<{ images: Available[]; failure: unknown }> {
  const answers = await Promise.allSettled(apis.map((api) => api.list((reason) => onNote(`${api.source.url}: ${reason}`), signal)));
  const images = new Map<string, Available>();
  const failures: unknown[] = [];
  for (const [index, answer] of answers.entries()) {
    const source = apis[index]?.source.url ?? '';
    if (answer.status === 'rejected') failures.push(answer.reason);
    else for (const manifest of answer.value) if (!images.has(manifest.uuid)) images.set(manifest.uuid, { manifest, source });
  }
  return { images: [...images.values()], failure: failureOf(failures) };
}
