import { imgadmErrors } from '../errors.ts';
import { deleteInstalled } from '../store/delete.ts';
import { poolOption, uuidArgument } from './arguments.ts';
import type { Answer, Request } from './command.ts';

/** `imgadm delete UUID` */
export async function deleteImage({ node, options, args, requestId, signal }: Request): Promise<Answer> {
  const uuid = uuidArgument(args);
  const zpool = poolOption(options, node);
  if (zpool !== node.pool) throw imgadmErrors.ImageNotInstalled({ uuid, zpool });
  await deleteInstalled(node, uuid, { requestId, signal });
  return { kind: 'lines', lines: [`Deleted image ${uuid}`] };
}
