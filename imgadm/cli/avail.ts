import { listAvailable, withSources } from '../sources/all.ts';
import { fieldsOf } from './arguments.ts';
import { textOption, type Answer, type Request } from './command.ts';
import { matchesAll, parseFilters } from './filters.ts';
import { rowOf } from './rows.ts';
import { sortRows } from './sort.ts';

const COLUMNS = 'uuid,name,version,os,type,pub';

/** `imgadm avail [FILTERS...]`: what the sources have. Those that answer are shown even when another fails, which is told after that. */
export async function avail({ node, options, args, requestId, signal, warn }: Request): Promise<Answer> {
  const filters = parseFilters(args);
  const columns = fieldsOf(textOption(options, 'output') ?? COLUMNS, '-o');
  const sortBy = fieldsOf(textOption(options, 'sort') ?? 'published_at,name', '-s');
  const note = (text: string): void => warn(`warning: ${text}`);
  const { images, failure } = await withSources(node, { requestId, signal }, (apis) => listAvailable(apis, note, signal));
  const chosen = images.map((image) => ({ image, row: rowOf(image) })).filter(({ row }) => matchesAll(row, filters));
  const sorted = sortRows(chosen, sortBy, ({ row }) => row);
  if (options['json']) return { kind: 'json', value: sorted.map(({ image }) => image), failure };
  return { kind: 'table', rows: sorted.map(({ row }) => row), columns, header: !options['no-header'], failure };
}
