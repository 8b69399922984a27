import { resolve } from 'node:path';
import { imgadmErrors } from '../errors.ts';
import { addSource, deleteSource, readSources } from '../sources/config.ts';
import { failureOf } from '../sources/failures.ts';
import { pingSource } from '../sources/ping.ts';
import { normalUrl, type ImageSource, type TlsFiles } from '../sources/source.ts';
import { noArguments } from './arguments.ts';
import { textOption, type Answer, type GivenOptions, type Request } from './command.ts';

/** `imgadm sources`: list them, or change them with one of -a, -d, -e, -c. */
export async function sources(request: Request): Promise<Answer> {
  const { node, options, args } = request;
  noArguments(args);
  const actions = ['add', 'delete', 'edit', 'check', 'add-docker-hub'].filter((name) => options[name] !== undefined);
  if (actions.length > 1) throw imgadmErrors.Usage({ problem: `cannot use more than one of ${actions.map((name) => `--${name}`).join(', ')}` });
  requireKnownType(options);
  switch (actions[0]) {
    case 'add':
      return add(request, textOption(options, 'add') ?? '');
    case 'delete':
      return remove(request, normalUrl(textOption(options, 'delete') ?? ''));
    case 'edit':
      return (await import('./edit-sources.ts')).editSources(request);
    case 'check':
      return check(request);
    default:
      return show(await readSources(node), options);
  }
}

/** What messages say of a source that was added. */
export function addedLine({ type, url, insecure, channel }: ImageSource): string {
  return `Added "${type}" image source "${url}"${insecure ? ' (insecure)' : ''}${channel === undefined ? '' : ` (channel=${channel})`}`;
}

/** What messages say of a source that was deleted. */
export function deletedLine({ type, url }: Pick<ImageSource, 'type' | 'url'>): string {
  return `Deleted "${type}" image source "${url}"`;
}

function show(list: readonly ImageSource[], options: GivenOptions): Answer {
  const rows = list.map(({ url, type, insecure }) => ({ url, type, insecure }));
  if (options['json']) return { kind: 'json', value: rows };
  if (options['verbose']) return { kind: 'table', rows: rows.map((row) => ({ ...row, insecure: row.insecure ?? false })), columns: ['url', 'type', 'insecure'], header: true };
  return { kind: 'lines', lines: list.map(({ url }) => url) };
}

async function add({ node, options, requestId, signal }: Request, text: string): Promise<Answer> {
  const url = normalUrl(text);
  const tls = tlsOf(options);
  const channel = new URL(url).searchParams.get('channel') ?? undefined;
  const source: ImageSource = { type: 'imgapi', url, ...(options['insecure'] ? { insecure: true } : {}), ...(tls ? { tls } : {}) };
  const present = (await readSources(node)).some((one) => one.url === url);
  if (!present && !options['force']) await pingSource(source, { requestId, signal });
  const added = !present && (await addSource(node, source));
  return { kind: 'lines', lines: [added ? addedLine({ ...source, ...(channel === undefined ? {} : { channel }) }) : `Already have "imgapi" image source "${url}", no change`] };
}

async function remove({ node }: Request, url: string): Promise<Answer> {
  const deleted = await deleteSource(node, url);
  return { kind: 'lines', lines: [deleted ? deletedLine({ type: 'imgapi', url }) : `Do not have image source "${url}", no change`] };
}

/** Ask every source whether it answers; one line for each that does, and the errors of the others. */
async function check({ node, requestId, signal }: Request): Promise<Answer> {
  const list = await readSources(node);
  if (list.length === 0) throw imgadmErrors.NoSources();
  const results = await Promise.allSettled(list.map((source) => pingSource(source, { requestId, signal })));
  const lines = list.filter((_, index) => results[index]?.status === 'fulfilled').map(({ type, url }) => `The "${type}" image source "${url}" answers`);
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  return { kind: 'lines', lines, failure: failureOf(failures) };
}

function requireKnownType(options: GivenOptions): void {
  const type = options['add-docker-hub'] === undefined ? (textOption(options, 'type') ?? 'imgapi') : 'docker';
  if (type === 'imgapi') return;
  if (type === 'docker' || type === 'dsapi' || type === 'simplestreams') throw imgadmErrors.NotSupported({ what: `an image source of type "${type}"` });
  throw imgadmErrors.Usage({ problem: `invalid image source type: "${type}" (must be imgapi)` });
}

function tlsOf(options: GivenOptions): TlsFiles | undefined {
  const [ca, cert, key] = (['ca', 'cert', 'key'] as const).map((name) => {
    const path = textOption(options, name);
    return path === undefined ? undefined : resolve(path);
  });
  const serverUri = textOption(options, 'server-uri');
  if ((cert === undefined) !== (key === undefined)) throw imgadmErrors.Usage({ problem: '--cert and --key belong together' });
  if (ca === undefined && cert === undefined && serverUri === undefined) return undefined;
  return { ...(ca === undefined ? {} : { ca }), ...(cert === undefined || key === undefined ? {} : { cert, key }), ...(serverUri === undefined ? {} : { serverUri }) };
}
