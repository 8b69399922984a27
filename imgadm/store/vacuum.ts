import { isErrorCode } from '../../host/errors/errors.ts';
import type { Node } from '../../host/config/node-config.ts';
import { imageDataset } from './names.ts';
import { listImages, type ListedImage } from './installed.ts';

/** The images that nothing stands on, and those that only such images stand on, in the order in which they can be deleted. */
export async function unusedImages(node: Node, onWarning: (text: string) => void): Promise<ListedImage[]> {
  const images = await listImages(node, onWarning);
  const unused: ListedImage[] = [];
  const gone = new Set<string>();
  for (let found = true; found; ) {
    found = false;
    for (const image of images) {
      if (unused.includes(image) || !image.clones.every((clone) => gone.has(clone))) continue;
      unused.push(image);
      gone.add(imageDataset(node, image.manifest.uuid));
      found = true;
    }
  }
  return unused;
}

/** Whether somebody else deleted the image in the meantime. */
export function isGone(error: unknown): boolean {
  return isErrorCode(error, 'ImageNotInstalled');
}
