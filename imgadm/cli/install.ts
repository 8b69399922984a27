import { imgadmErrors } from '../errors.ts';
import { describeImage } from '../manifest/manifest.ts';
import { installImage, type InstallProgress } from '../store/install.ts';
import { noArguments, requireOwnPool } from './arguments.ts';
import { textOption, type Answer, type Request } from './command.ts';

/** `imgadm install -m MANIFEST -f FILE` */
export async function install({ node, options, args, requestId, signal, say, warn }: Request): Promise<Answer> {
  noArguments(args);
  const manifestPath = textOption(options, 'manifest');
  const filePath = textOption(options, 'file');
  if (manifestPath === undefined) throw imgadmErrors.Usage({ problem: 'missing option: -m MANIFEST-FILE' });
  if (filePath === undefined) throw imgadmErrors.Usage({ problem: 'missing option: -f IMAGE-FILE' });
  requireOwnPool(options, node, 'installing');
  const onProgress = (progress: InstallProgress): void => (progress.what === 'note' ? warn(`note: ${progress.text}`) : say(progressLine(progress)));
  const { manifest, outcome } = await installImage(node, { manifestPath, filePath, requestId, signal, onProgress });
  const image = describeImage(manifest);
  switch (outcome) {
    case 'already':
      return { kind: 'lines', lines: [`Image ${manifest.uuid} (${manifest.name} ${manifest.version}) is already installed, skipping`] };
    case 'meanwhile':
      return { kind: 'lines', lines: [`Image ${image} was installed while waiting on lock`] };
    case 'installed':
      return { kind: 'lines', lines: [`Installed image ${image}`] };
  }
}

function progressLine(progress: Exclude<InstallProgress, { what: 'note' }>): string {
  return progress.what === 'waiting' ? `Waiting for image ${progress.manifest.uuid} import lock` : `Installing image ${describeImage(progress.manifest)}`;
}
