import { listImages } from '../store/installed.ts';
import { fieldsOf } from './arguments.ts';
import { textOption, type Answer, type Request } from './command.ts';
import { matchesAll, parseFilters } from './filters.ts';
import { dockerRows, rowOf, type Row } from './rows.ts';
import { sortRows } from './sort.ts';

const COLUMNS = 'uuid,name,version,os,type,pub';
const DOCKER_COLUMNS = 'uuid,repository,tag,image_id,created';

/** `imgadm list [FILTERS...]` */
export async function list({ node, options, args, warn }: Request): Promise<Answer> {
  const docker = options['docker'] === true;
  const filters = parseFilters(docker ? [...args, 'type=docker'] : args);
  const columns = fieldsOf(textOption(options, 'output') ?? (docker ? DOCKER_COLUMNS : COLUMNS), '-o');
  const sortBy = fieldsOf(textOption(options, 'sort') ?? (docker ? 'published_at' : 'published_at,name'), '-s');
  const images = (await listImages(node, warn)).map((image) => ({ image, row: rowOf(image) })).filter(({ row }) => matchesAll(row, filters));
  const sorted = sortRows(images, sortBy, ({ row }) => row);
  if (options['json']) {
    return { kind: 'json', value: sorted.map(({ image: { manifest, zpool, source, clones } }) => ({ manifest, zpool, source, cloneNames: clones, clones: clones.length })) };
  }
  const rows: Row[] = sorted.map(({ row }) => row);
  return { kind: 'table', rows: docker ? dockerRows(rows) : rows, columns, header: !options['no-header'] };
}
