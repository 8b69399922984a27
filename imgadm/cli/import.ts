import { isUuid } from '../../host/config/units.ts';
import { imgadmErrors } from '../errors.ts';
import { importImage as performImport, type ImportProgress } from '../import/import.ts';
import { describeImage, type ImageManifest } from '../manifest/manifest.ts';
import { readSources } from '../sources/config.ts';
import { normalUrl, type ImageSource } from '../sources/source.ts';
import { requireOwnPool } from './arguments.ts';
import { listOption, textOption, type Answer, type Request } from './command.ts';
import { newMeter, sizeText } from './size.ts';

/** `imgadm import [-S SOURCE...] UUID` */
export async function importImage(request: Request): Promise<Answer> {
  const { node, options, args, requestId, signal, say } = request;
  const uuid = imageArgument(args);
  requireOwnPool(options, node, 'importing');
  if (options['zstream']) throw imgadmErrors.NotSupported({ what: '"imgadm import --zstream"' });
  const sources = await sourcesOption(request);
  let begun = false;
  const meter = newMeter();
  const onProgress = (progress: ImportProgress): void => {
    begun ||= progress.what === 'importing';
    if (progress.what === 'downloading') showDownload(progress, meter, request);
    else show(progress, request);
  };
  try {
    const { manifest, outcome } = await performImport(node, { uuid, sources, channel: textOption(options, 'channel'), requestId, signal, onProgress });
    const lines = { imported: [], already: [`Image ${spaced(manifest)} is already installed, skipping`], meanwhile: [`Image ${described(manifest)} was imported while waiting on lock`] };
    return { kind: 'lines', lines: lines[outcome] };
  } catch (error) {
    if (begun) say(`Aborting (${error instanceof Error ? error.message : String(error)})`);
    throw error;
  }
}

function imageArgument(args: readonly string[]): string {
  const [uuid, ...more] = args;
  if (uuid === undefined) throw imgadmErrors.Usage({ problem: 'missing argument: IMAGE-ID' });
  if (more.length > 0) throw imgadmErrors.Usage({ problem: `too many arguments: expected one IMAGE-ID, got ${args.length}` });
  if (!isUuid(uuid)) throw imgadmErrors.Usage({ problem: `invalid image-id arg: "${uuid}"` });
  return uuid;
}

/** The sources that -S names; one that the node knows keeps what is configured for it. */
async function sourcesOption({ node, options }: Request): Promise<readonly ImageSource[] | undefined> {
  const urls = listOption(options, 'source').map(normalUrl);
  if (urls.length === 0) return undefined;
  const known = await readSources(node);
  return urls.map((url) => known.find((source) => source.url === url) ?? { type: 'imgapi', url });
}

function showDownload({ uuid, received, size }: Extract<ImportProgress, { what: 'downloading' }>, meter: ReturnType<typeof newMeter>, { options, showProgress }: Request): void {
  const text = options['quiet'] || !showProgress ? undefined : meter(received, size);
  if (text !== undefined) showProgress?.(`Download image ${uuid}: ${text}`);
}

function show(progress: Exclude<ImportProgress, { what: 'downloading' }>, { say, warn }: Request): void {
  switch (progress.what) {
    case 'importing':
      return say(`Importing ${describeImage(progress.manifest)} from "${progress.source.url}"${progress.source.channel === undefined ? '' : `, channel "${progress.source.channel}"`}`);
    case 'gathering':
      return say(`Gather image ${progress.uuid} ancestry`);
    case 'ancestorInstalled':
      return say(`Image ${progress.uuid} already installed`);
    case 'waiting':
      return say(`Waiting for image ${progress.uuid} import lock`);
    case 'planned':
      return say(`Must download and install ${progress.count} image${progress.count === 1 ? '' : 's'}${progress.size === undefined ? '' : ` (${sizeText(progress.size)})`}`);
    case 'downloaded':
      return say(`Downloaded image ${progress.uuid} (${sizeText(progress.size)})`);
    case 'imported':
      return say(`Imported image ${describeImage(progress.manifest)}`);
    case 'note':
      return warn(`note: ${progress.text}`);
  }
}

type Known = ImageManifest | { readonly uuid: string };

function described(manifest: Known): string {
  return 'name' in manifest ? describeImage(manifest) : manifest.uuid;
}

function spaced(manifest: Known): string {
  return 'name' in manifest ? `${manifest.uuid} (${manifest.name} ${manifest.version})` : manifest.uuid;
}
