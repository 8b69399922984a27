/** Image sources: where images come from (reference §1.3 `sources`, §3). */
import { imgadmErrors } from '../errors.ts';

/** Files with which this node shows who it is and knows whom it speaks to. They are read anew for each connection. */
export interface TlsFiles {
  /** PEM: the authorities that the server's certificate may come from; those of the system when there is none. */
  readonly ca?: string;
  /** PEM: our certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
  /**
   * The subject alternative name of type URI that the server's certificate must carry, instead of the host's name:
   * certificates of a fleet name roles, and hosts change their addresses.
   */
  readonly serverUri?: string;
}

/** The same for who has it in memory; it is never stored with a source. */
export interface TlsIdentity {
  readonly ca: string;
  readonly cert: string;
  /** A secret. */
  readonly key: string;
  readonly serverUri: string;
}

export interface ImageSource {
  readonly type: 'imgapi';
  /** In normal form: scheme, no trailing slash, no default port. */
  readonly url: string;
  /** Accept any certificate. */
  readonly insecure?: boolean;
  /** The channel asked for, unless the URL names one. */
  readonly channel?: string;
  readonly tls?: TlsFiles;
  /** Instead of `tls`. */
  readonly identity?: TlsIdentity;
}

/** The source of a node that was never told of another. */
export const DEFAULT_SOURCE: ImageSource = { type: 'imgapi', url: 'https://images.smartos.org' };

/**
 * A URL as sources keep it, so that two spellings of one are one source: `http://` when there is no scheme, no trailing
 * slash, no default port; the query stays.
 * @throws InvalidArgument on what is no http(s) URL, and on one that holds a password
 */
export function normalUrl(text: string): string {
  const url = parse(/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(text) ? text : `http://${text}`, text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw invalid(text, 'only http and https are known');
  if (url.username !== '' || url.password !== '') throw invalid(`${url.protocol}//…@${url.host}`, 'it holds a user name or password, which would be shown wherever the URL is');
  if (url.hash !== '') throw invalid(text, 'it has a fragment');
  return `${url.protocol}//${url.host}${url.pathname.replace(/\/$/, '')}${url.search}`;
}

/** The URL of something below a source: the source may have a path of its own, and names its channel in its query. */
export function urlBelow(source: ImageSource, path: string, query: Readonly<Record<string, string | undefined>> = {}): URL {
  const url = new URL(source.url);
  const channel = url.searchParams.get('channel') ?? source.channel;
  url.pathname = `${url.pathname.replace(/\/$/, '')}${path}`;
  url.search = '';
  for (const [name, value] of Object.entries({ ...query, channel })) if (value !== undefined) url.searchParams.set(name, value);
  return url;
}

function parse(candidate: string, text: string): URL {
  // Whatever is invisible in a URL is cut out of it by the parser, and then it is not the one that was seen.
  if (/[\s\p{C}]/u.test(candidate)) throw invalid(JSON.stringify(text), 'it holds blanks or control characters');
  try {
    return new URL(candidate);
  } catch {
    throw invalid(text, 'it is not a URL');
  }
}

function invalid(url: string, reason: string): Error {
  return imgadmErrors.InvalidArgument({ reason: `invalid image source URL "${url}": ${reason}` });
}
