import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInteractively } from '../../host/run/interactive.ts';
import { imgadmErrors } from '../errors.ts';
import { readSources, replaceSources } from '../sources/config.ts';
import { pingSource } from '../sources/ping.ts';
import { normalUrl, type ImageSource } from '../sources/source.ts';
import type { Answer, Request } from './command.ts';
import { addedLine, deletedLine } from './sources.ts';

const INTRODUCTION = ['# The image sources of this node, one URL a line, in the order in which they are asked.', '# Lines that begin with "#" do not count.', ''];

/** `imgadm sources -e`: change the list in $VISUAL, $EDITOR or vi. */
export async function editSources({ node, options, requestId, signal }: Request): Promise<Answer> {
  const before = await readSources(node);
  const urls = await edit(before.map(({ url }) => url));
  const after = urls.map((url): ImageSource => before.find((source) => source.url === url) ?? { type: 'imgapi', url });
  const added = after.filter((source) => !before.includes(source));
  const deleted = before.filter((source) => !after.includes(source));
  if (!options['force']) for (const source of added) await pingSource(source, { requestId, signal });
  if (urls.join('\n') === before.map(({ url }) => url).join('\n')) return { kind: 'lines', lines: ['Image sources unchanged'] };
  await replaceSources(node, after);
  const lines = [...deleted.map(deletedLine), ...added.map(addedLine)];
  return { kind: 'lines', lines: lines.length > 0 ? lines : ['Reordered image sources'] };
}

async function edit(urls: readonly string[]): Promise<string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'imgadm-'));
  const path = join(directory, 'sources');
  try {
    await writeFile(path, [...INTRODUCTION, ...urls, ''].join('\n'), { mode: 0o600 });
    const [program = 'vi', ...args] = (process.env['VISUAL'] || process.env['EDITOR'] || 'vi').split(/\s+/).filter((word) => word !== '');
    const environment = Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
    const status = await runInteractively([program, ...args, path], environment);
    if (status !== 0) throw imgadmErrors.Usage({ problem: `the editor "${program}" ended with status ${status}; nothing was changed` });
    const lines = (await readFile(path, 'utf8')).split('\n').map((line) => line.trim());
    return [...new Set(lines.filter((line) => line !== '' && !line.startsWith('#')).map(normalUrl))];
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
