import type { Node } from '../../host/config/node-config.ts';
import { isUuid } from '../../host/config/units.ts';
import { imgadmErrors } from '../errors.ts';
import { textOption, type GivenOptions } from './command.ts';

/** The one uuid that a command takes. @throws Usage, InvalidUUID */
export function uuidArgument(args: readonly string[]): string {
  const [uuid, ...more] = args;
  if (uuid === undefined) throw imgadmErrors.Usage({ problem: 'missing argument: UUID' });
  if (more.length > 0) throw imgadmErrors.Usage({ problem: `too many arguments: expected one UUID, got ${args.length}` });
  if (!isUuid(uuid)) throw imgadmErrors.InvalidUUID({ uuid });
  return uuid;
}

/** The zpool that `-P` names, else the node's. @throws Usage on what cannot be the name of one */
export function poolOption(options: GivenOptions, node: Node): string {
  const pool = textOption(options, 'pool') ?? node.pool;
  if (!/^[A-Za-z][A-Za-z0-9_.:-]*$/.test(pool)) throw imgadmErrors.Usage({ problem: `invalid zpool name: "${pool}"` });
  return pool;
}

/** The node's own zpool, which -P may name. @throws Usage, NotSupported for another one */
export function requireOwnPool(options: GivenOptions, node: Node, what: string): void {
  const zpool = poolOption(options, node);
  if (zpool !== node.pool) throw imgadmErrors.NotSupported({ what: `${what} to zpool "${zpool}" instead of the node's own "${node.pool}"` });
}

/** The names in the comma-separated value of an option. @throws Usage */
export function fieldsOf(text: string, option: string): string[] {
  const fields = text.split(',').map((field) => field.trim());
  if (fields.includes('')) throw imgadmErrors.Usage({ problem: `an empty field in ${option} "${text}"` });
  return fields;
}

/** @throws Usage when a command that takes none was given operands. */
export function noArguments(args: readonly string[]): void {
  if (args.length > 0) throw imgadmErrors.Usage({ problem: `unexpected argument: "${args[0] ?? ''}"` });
}
