import type { Node } from '../../host/config/node-config.ts';
import { imgadmErrors } from '../errors.ts';
import { getImage, type KnownImage } from '../store/installed.ts';
import { fieldsOf, poolOption, uuidArgument } from './arguments.ts';
import { textOption, type Answer, type Request } from './command.ts';
import { rowOf } from './rows.ts';

const COLUMNS = 'uuid,name,version,published';

/** `imgadm ancestry UUID`: the image and all that it stands on, the base last. */
export async function ancestry({ node, options, args, warn }: Request): Promise<Answer> {
  const uuid = uuidArgument(args);
  const columns = fieldsOf(textOption(options, 'output') ?? COLUMNS, '-o');
  const zpool = poolOption(options, node);
  if (zpool !== node.pool) throw imgadmErrors.ImageNotInstalled({ uuid, zpool });
  const images = await ancestryOf(node, uuid, warn);
  if (options['json']) return { kind: 'json', value: images };
  return { kind: 'table', rows: images.map(rowOf), columns, header: !options['no-header'] };
}

async function ancestryOf(node: Node, uuid: string, warn: (text: string) => void): Promise<KnownImage[]> {
  const images: KnownImage[] = [];
  for (let next: string | undefined = uuid; next !== undefined; ) {
    const image: KnownImage = await getImage(node, next, warn);
    images.push(image);
    const origin: string | undefined = 'origin' in image.manifest ? image.manifest.origin : undefined;
    // A record that says otherwise than ZFS could go round in circles.
    next = images.some(({ manifest }) => manifest.uuid === origin) ? undefined : origin;
  }
  return images;
}
