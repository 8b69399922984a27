import { imgadmErrors } from '../errors.ts';
import { findInSources, withSources } from '../sources/all.ts';
import { getImage, isInstalled } from '../store/installed.ts';
import { uuidArgument } from './arguments.ts';
import type { Answer, Request } from './command.ts';

/** `imgadm show UUID`: the bare manifest, of an image that is installed or that a source has, active or not. */
export async function show({ node, args, requestId, signal, warn }: Request): Promise<Answer> {
  const uuid = uuidArgument(args);
  if (await isInstalled(node, uuid)) return { kind: 'json', value: (await getImage(node, uuid, warn)).manifest };
  const found = await withSources(node, { requestId, signal }, (apis) => findInSources(apis, uuid, { active: false, signal }));
  if (!found) throw imgadmErrors.ImageNotFound({ uuid });
  return { kind: 'json', value: found.manifest };
}
