import type { ListedNicTag, NicTags } from '../../node/nictags/nic-tags.ts';
import { call } from './call.ts';
import type { Transport } from './transport.ts';

/** The nic tags of an agent's node. */
export function remoteNicTags(transport: Transport): NicTags {
  return {
    list: () => call<ListedNicTag[]>(transport, { method: 'GET', path: '/nictags' }),
    add: async (name, tag) => void (await call(transport, { method: 'POST', path: '/nictags', body: { name, ...tag } })),
    remove: async (name, { force }) => void (await call(transport, { method: 'DELETE', path: `/nictags/${encodeURIComponent(name)}?force=${String(force)}` })),
  };
}
