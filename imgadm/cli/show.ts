import { imgadmErrors } from '../errors.ts';
import { getImage, isInstalled } from '../store/installed.ts';
import { uuidArgument } from './arguments.ts';
import type { Answer, Request } from './command.ts';

/** `imgadm show UUID`: the bare manifest. Only installed images are known to this version. */
export async function show({ node, args, warn }: Request): Promise<Answer> {
  const uuid = uuidArgument(args);
  if (!(await isInstalled(node, uuid))) throw imgadmErrors.ImageNotFound({ uuid });
  return { kind: 'json', value: (await getImage(node, uuid, warn)).manifest };
}
