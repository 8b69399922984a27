/**
 * Who speaks, as a certificate says it. A certificate has exactly one subject alternative name of type URI, and that is its
 * holder: a node with its uuid, or a head node. The common name repeats it for people and is never looked at.
 */
import { isUuid } from '../../host/config/units.ts';

/** The holder of a certificate of ours. */
export type Holder = { readonly role: 'node'; readonly uuid: string } | { readonly role: 'head' };

const NODE_URI = 'urn:zonewright:node:';
/** What a head node's certificate carries. */
export const HEAD_URI = 'urn:zonewright:head';

/** The subject alternative name (URI) of a holder: `urn:zonewright:node:<uuid>` or `urn:zonewright:head`. */
export function holderUri(holder: Holder): string {
  return holder.role === 'head' ? HEAD_URI : `${NODE_URI}${holder.uuid}`;
}

/** The holder that a URI names; undefined for every other URI, also for one with more or less in it than ours have. */
export function parseHolderUri(uri: string): Holder | undefined {
  if (uri === HEAD_URI) return { role: 'head' };
  const uuid = uri.startsWith(NODE_URI) ? uri.slice(NODE_URI.length) : undefined;
  return isUuid(uuid) ? { role: 'node', uuid } : undefined;
}

/** The common name of a holder's certificate. */
export function holderName(holder: Holder): string {
  return holder.role === 'head' ? 'zonewright head' : `zonewright node ${holder.uuid}`;
}
