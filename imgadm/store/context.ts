import type { FileHandle } from 'node:fs/promises';
import type { Node } from '../../host/config/node-config.ts';

/** What image steps work on. */
export interface ImageContext {
  readonly node: Node;
  /** The image file that was verified, still open: its name may lead elsewhere by now. Recovery has none and needs none. */
  readonly imageFile?: FileHandle | undefined;
  /** Told about what an image lost on the way, such as extended attributes. */
  readonly onNote?: ((note: string) => void) | undefined;
}
