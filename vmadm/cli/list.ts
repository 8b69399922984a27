import { vmErrors } from '../errors.ts';
import type { Invocation } from './command.ts';
import { propertiesOf } from '../table/columns.ts';
import { filterFields, parseFilters } from './filters.ts';
import { formatTable, parseFields, parseSort } from '../table/table.ts';

const DEFAULT_FIELDS = 'uuid,type,ram,state,alias';
const DEFAULT_SORT = 'ram,uuid';

/** `vmadm list`. Everything that the command line asks for is checked before any instance is looked at. */
export async function run({ operands, options, streams, engine }: Invocation): Promise<void> {
  const { order = DEFAULT_FIELDS, sort = DEFAULT_SORT, parsable, header } = options;
  const filter = parseFilters(operands, vmErrors.InvalidFilterKey);
  const table = {
    fields: parseFields(String(order)),
    sort: parseSort(String(sort)),
    parsable: parsable === true,
    header: typeof header === 'boolean' ? header : undefined,
  };
  const opened = await engine();
  const ready = operands.length === 0 ? await opened.table?.({ order: String(order), sort: String(sort), parsable: table.parsable, header: table.header }) : undefined;
  if (ready !== undefined) return void streams.stdout.write(ready);
  const fields = [...table.fields, ...table.sort.map(({ field }) => field), ...filterFields(operands)];
  const vms = await opened.list(fields.flatMap(propertiesOf));
  streams.stdout.write(formatTable(vms.filter(filter), table));
}
