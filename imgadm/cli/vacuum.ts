import { createInterface } from 'node:readline/promises';
import { imgadmErrors } from '../errors.ts';
import { describeImage } from '../manifest/manifest.ts';
import { deleteInstalled } from '../store/delete.ts';
import type { ListedImage } from '../store/installed.ts';
import { isGone, unusedImages } from '../store/vacuum.ts';
import { noArguments } from './arguments.ts';
import type { Answer, Request } from './command.ts';

/** `imgadm vacuum [-n] [-f]`: delete the images that nothing stands on. */
export async function vacuum({ node, options, args, requestId, signal, say, warn }: Request): Promise<Answer> {
  noArguments(args);
  const images = await unusedImages(node, warn);
  if (images.length === 0) return { kind: 'lines', lines: [] };
  if (options['dry-run']) return { kind: 'lines', lines: images.map((image) => `[dry-run] Deleted image ${described(image)}`) };
  if (!options['force'] && !(await isConfirmed(images, say))) return { kind: 'lines', lines: ['Aborting'], status: 1 };
  let failed = false;
  for (const image of images) {
    try {
      await deleteInstalled(node, image.manifest.uuid, { requestId, signal });
      say(`Deleted image ${described(image)}`);
    } catch (error) {
      if (isGone(error)) continue;
      failed = true;
      warn(`Error deleting image ${described(image)}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { kind: 'lines', lines: [], ...(failed ? { status: 1 } : {}) };
}

async function isConfirmed(images: readonly ListedImage[], say: (line: string) => void): Promise<boolean> {
  if (!process.stdin.isTTY) throw imgadmErrors.Usage({ problem: 'there is no terminal to ask on; use -f to delete without asking, -n to see what would be deleted' });
  say('This will delete the following images:');
  for (const image of images) say(`    ${described(image)}`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await terminal.question(images.length === 1 ? 'Delete this image? [y/N] ' : `Delete these ${images.length} images? [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

function described({ manifest }: ListedImage): string {
  return 'name' in manifest ? describeImage(manifest) : manifest.uuid;
}
