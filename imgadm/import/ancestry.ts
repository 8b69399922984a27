import { imgadmErrors } from '../errors.ts';
import type { ImageManifest } from '../manifest/manifest.ts';
import type { FoundImage } from '../sources/all.ts';

/** What IMGAPI servers allow. */
const MOST_ORIGINS = 100;

export interface AncestryOptions {
  readonly isInstalled: (uuid: string) => Promise<boolean>;
  readonly onInstalled: (uuid: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The image and those that it stands on and that are not installed, base first. Ancestors come from the same source and may
 * be inactive there.
 * @throws OriginNotFoundInSource, InvalidManifest when the origins never end
 */
export async function missingAncestry({ manifest, api }: FoundImage, options: AncestryOptions): Promise<ImageManifest[]> {
  const chain = [manifest];
  for (let origin = manifest.origin; origin !== undefined; ) {
    const uuid: string = origin;
    if (chain.some((image) => image.uuid === uuid)) throw imgadmErrors.InvalidManifest({ reason: `image ${manifest.uuid} is its own origin, by way of ${uuid}` });
    if (await options.isInstalled(uuid)) {
      options.onInstalled(uuid);
      break;
    }
    if (chain.length > MOST_ORIGINS) throw imgadmErrors.InvalidManifest({ reason: `image ${manifest.uuid} has more than ${MOST_ORIGINS} origins` });
    const ancestor = await api.get(uuid, options.signal);
    if (!ancestor) throw imgadmErrors.OriginNotFoundInSource({ uuid, url: api.source.url });
    chain.push(ancestor);
    origin = ancestor.origin;
  }
  return chain.reverse();
}
