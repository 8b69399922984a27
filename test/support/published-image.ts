import { readFile } from 'node:fs/promises';
import type { ImageManifest } from '../../imgadm/index.ts';
import { publishImage } from '../../imgadm/publish/publish.ts';
import { imageFiles, tarOf, type ImageFiles } from './archives.ts';
import type { ImageServer } from './image-server.ts';

export interface PublishedImage extends ImageFiles {
  readonly manifestOf: ImageManifest;
  /** Bytes of its file. */
  readonly size: number;
}

/** Give files of an image to a server, as `imgadm publish` does. */
export async function publishedFiles(server: ImageServer, files: ImageFiles): Promise<PublishedImage> {
  await publishImage({ manifestPath: files.manifest, filePath: files.file, to: { type: 'imgapi', url: server.url } });
  const manifestOf = (await server.images.get(files.uuid)) as unknown as ImageManifest;
  return { ...files, manifestOf, size: (await readFile(files.file)).length };
}

/** A small root file system as an image of a server. @param megabytes what it holds besides */
export async function publishedImage(server: ImageServer, changes: Readonly<Record<string, unknown>> = {}, megabytes = 0): Promise<PublishedImage> {
  const entries = [{ name: './etc/', type: 'directory' as const }, { name: './etc/hostname', content: 'x' }];
  const ballast = Array.from({ length: megabytes }, (_, index) => ({ name: `./f${index}`, content: String(index % 10).repeat(1024 * 1024) }));
  return publishedFiles(server, await imageFiles(await tarOf([...entries, ...ballast]), changes));
}
