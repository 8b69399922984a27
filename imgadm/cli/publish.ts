import { imgadmErrors } from '../errors.ts';
import { publishImage, type PublishProgress } from '../publish/publish.ts';
import { readSources } from '../sources/config.ts';
import { normalUrl, type ImageSource } from '../sources/source.ts';
import { textOption, type Answer, type Request } from './command.ts';
import { newMeter } from './size.ts';

/** `imgadm publish -m MANIFEST -f FILE URL` */
export async function publish(request: Request): Promise<Answer> {
  const { node, options, args, requestId, signal } = request;
  const [text, ...more] = args;
  if (text === undefined) throw imgadmErrors.Usage({ problem: 'missing argument: URL' });
  if (more.length > 0) throw imgadmErrors.Usage({ problem: `too many arguments: expected one URL, got ${args.length}` });
  const manifestPath = textOption(options, 'manifest');
  const filePath = textOption(options, 'file');
  if (manifestPath === undefined) throw imgadmErrors.Usage({ problem: 'missing option: -m MANIFEST-FILE' });
  if (filePath === undefined) throw imgadmErrors.Usage({ problem: 'missing option: -f IMAGE-FILE' });
  const url = normalUrl(text);
  const to: ImageSource = (await readSources(node)).find((source) => source.url === url) ?? { type: 'imgapi', url };
  const meter = newMeter();
  const onProgress = (progress: PublishProgress): void => {
    if (progress.what !== 'uploading') return show(progress, filePath, request);
    const far = options['quiet'] || !request.showProgress ? undefined : meter(progress.sent, progress.size);
    if (far !== undefined) request.showProgress?.(`Upload: ${far}`);
  };
  const { uuid } = await publishImage({ manifestPath, filePath, to, requestId, signal, onProgress });
  return { kind: 'lines', lines: [`Successfully published image ${uuid} to ${url}`] };
}

function show(progress: Exclude<PublishProgress, { what: 'uploading' }>, file: string, { say }: Request): void {
  switch (progress.what) {
    case 'imported':
      return say(`Imported image ${progress.manifest.uuid} (${progress.manifest.name}, ${progress.manifest.version}, state=unactivated)`);
    case 'added':
      return say(`Added file "${file}" (compression "${progress.compression}") to image ${progress.manifest.uuid}`);
    case 'activated':
      return say(`Activated image ${progress.manifest.uuid}`);
  }
}
