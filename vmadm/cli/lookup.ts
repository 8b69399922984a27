import type { VmObject } from '../engine.ts';
import { vmErrors } from '../errors.ts';
import type { Invocation } from './command.ts';
import { propertiesOf } from '../table/columns.ts';
import { filterFields, parseFilters } from './filters.ts';
import { printJson } from './say.ts';

/** `vmadm lookup [-j] [-1] [-o field,…] [key=value …]` (reference §4.3). */
export async function run(invocation: Invocation): Promise<void> {
  const { operands, options, streams } = invocation;
  const { json, unique, order } = options;
  if (order !== undefined && json !== true) throw vmErrors.FieldsWithoutJson();
  const filter = parseFilters(operands, vmErrors.InvalidLookupKey);
  const shown = typeof order === 'string' ? order.split(',') : [];
  const wanted = json === true && order === undefined ? undefined : [...shown, ...filterFields(operands)].flatMap(propertiesOf);
  const found = (await (await invocation.engine()).list(wanted)).filter(filter);
  if (unique === true && found.length !== 1) throw vmErrors.NotUnique({ count: found.length });
  if (json === true) printJson(invocation, typeof order === 'string' ? found.map((vm) => only(vm, shown)) : found);
  else streams.stdout.write(found.map(({ uuid }) => `${uuid}\n`).join(''));
}

function only(vm: VmObject, fields: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(fields.flatMap((field) => (Object.hasOwn(vm, field) ? [[field, vm[field]]] : [])));
}
