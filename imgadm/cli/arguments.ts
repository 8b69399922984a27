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
