import { imgadmErrors } from '../errors.ts';
import { dependentsOf } from '../store/dependents.ts';
import { getImage } from '../store/installed.ts';
import { imageDataset } from '../store/names.ts';
import { listSnapshots } from '../../host/zfs/zfs.ts';
import { poolOption, uuidArgument } from './arguments.ts';
import type { Answer, Request } from './command.ts';

/** `imgadm get [-r] UUID`: manifest, pool and source of an installed image. */
export async function get({ node, options, args, warn }: Request): Promise<Answer> {
  const uuid = uuidArgument(args);
  const zpool = poolOption(options, node);
  if (zpool !== node.pool) throw imgadmErrors.ImageNotInstalled({ uuid, zpool });
  const image = await getImage(node, uuid, warn);
  if (!options['recursive']) return { kind: 'json', value: image };
  const name = imageDataset(node, uuid);
  const [snapshots, clones] = await Promise.all([listSnapshots(name), dependentsOf(node, uuid)]);
  return { kind: 'json', value: { ...image, children: { snapshots: snapshots.map((snapshot) => `${name}@${snapshot}`), clones } } };
}
