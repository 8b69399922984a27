import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { MAN_DIRECTORY, manPages, manuals } from '../../scripts/docs/man-pages.ts';
import { COMMANDS } from '../../images/platform/executable.ts';

const AGAIN = 'write them again: scripts/with-node.sh scripts/docs/man-pages.ts';

test('docs/man has exactly the pages that the tables of commands make', async () => {
  const pages = manPages();
  assert.deepEqual((await readdir(MAN_DIRECTORY)).sort(), [...pages.keys()].sort(), AGAIN);
  for (const [name, page] of pages) assert.equal(await readFile(join(MAN_DIRECTORY, name), 'utf8'), page, `${name}: ${AGAIN}`);
});

test('every command that is installed has a page', () => {
  for (const command of COMMANDS) assert.ok(manPages().has(`${command}.8`), command);
});

test('a page tells of each command, option and example of its table', () => {
  for (const manual of manuals()) {
    const page = shown(manPages().get(`${manual.name.replaceAll(' ', '-')}.${manual.section}`) ?? '');
    for (const command of manual.commands ?? []) {
      assert.match(page, new RegExp(`^${manual.name}( \\[options\\])? ${command.name}\\b`, 'm'), `${manual.name} ${command.name}`);
      for (const option of command.options) assert.ok(page.includes(`--${option.name}`), `${manual.name} ${command.name} --${option.name}`);
      for (const { line } of command.examples ?? []) assert.ok(page.includes(line), line);
    }
  }
});

test('pages refer only to pages that there are, or that ZFS brings', () => {
  for (const { seeAlso, name } of manuals()) {
    for (const page of seeAlso) assert.ok(page === 'zpool(8)' || manPages().has(page.replace(/\((\d)\)$/, '.$1')), `${name}: ${page}`);
  }
});

/** What a reader of the page sees, as far as these tests go. */
function shown(page: string): string {
  const letters: Readonly<Record<string, string>> = { dq: '"', aq: "'", ga: '`', ha: '^', ti: '~' };
  return page
    .replaceAll(/\\f[BIR]/g, '')
    .replaceAll(/\\\((dq|aq|ga|ha|ti)/g, (_, name: string) => letters[name] ?? '')
    .replaceAll(/\\\[u([0-9A-F]{4,6})\]/g, (_, code: string) => String.fromCodePoint(parseInt(code, 16)))
    .replaceAll('\\-', '-')
    .replaceAll('\\e', '\\');
}
