import { headErrors } from '../errors.ts';
import { askHead } from '../ask-head.ts';

export interface NamedServer {
  readonly uuid: string;
  readonly hostname: string;
}

/** Servers that are named by uuid or host name, or `all`. @throws ServerNotFound */
export async function serversOf(directory: string, names: readonly string[]): Promise<readonly NamedServer[]> {
  if (names.length === 0) return [];
  const servers = await askHead<NamedServer[]>(directory, { method: 'GET', path: '/servers' });
  if (names.includes('all')) return servers;
  return names.map((name) => {
    const found = servers.filter(({ uuid, hostname }) => uuid === name.toLowerCase() || hostname === name);
    if (found.length > 1) throw headErrors.InvalidArgument({ reason: `${found.length} servers are called ${name}: name it by its uuid` });
    return found[0] ?? notFound(name);
  });
}

function notFound(name: string): never {
  throw headErrors.ServerNotFound({ server: name });
}
