import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from '../../../host/run/run.ts';
import type { Manual } from '../../../host/manual/manual.ts';
import { manualPage, pageName } from '../../../host/manual/page.ts';

const MANUAL: Manual = {
  name: 'zwtool sub',
  section: 8,
  summary: 'do things',
  description: ['Uses `zwtool -x` for it.'],
  options: [{ name: 'all', shorts: ['a'], summary: 'all of them' }, { name: 'to', shorts: [], value: 'FILE', summary: 'write there' }],
  commands: [{ name: 'go', aliases: ['run'], forms: ['[-f <file>] NAME...', '<uuid> …'], summary: 'go there', options: [{ name: 'file', shorts: ['f'], value: 'file', summary: 'a file' }] }],
  exitStatus: [['0', 'done']],
  seeAlso: ['vmadm(8)'],
};

/** Texts that mean something to a formatter, and that a reader has to see as they are. */
const HOSTILE = ['.de evil', "'ig", '\\fBbold\\fR \\n(.s', '.so /etc/passwd', '\\', '--long-option', '"quoted" \'and\' `ticked`', '^hat ~tilde', 'naïve – “so” → 漢字', '...', '.', '\\*[string]', '%s $HOME'];

test('a page names its program as its file, with its summary, for programs that index pages', async () => {
  assert.equal(pageName(MANUAL), 'zwtool-sub.8');
  assert.match(manualPage(MANUAL), /^\.TH ZWTOOL\\-SUB 8 \d{4}-\d\d-\d\d Zonewright "System Administration"\n\.SH NAME\nzwtool\\-sub \\- do things\n/);
});

test('a page shows forms, options and commands as a reader types them', async () => {
  const text = await formatted(MANUAL);
  assert.match(text, /zwtool sub \[options\] go \[-f file\] NAME\.\.\.\n +zwtool sub \[options\] go uuid …/);
  assert.match(text, /go\|run \[-f file\] NAME\.\.\.\n +go\|run uuid …\n +Go there\./);
  assert.match(text, / -a, --all\n +All of them\./);
  assert.match(text, / --to FILE\n +Write there\./);
});

for (const hostile of HOSTILE) {
  test(`a page shows ${JSON.stringify(hostile)} as it is, wherever it stands`, async () => {
    const text = await formatted({ ...MANUAL, description: [hostile], options: [{ name: 'x', shorts: [], summary: hostile }], lists: [{ title: 'Words', entries: [[hostile, hostile]] }], exitStatus: [['0', hostile]] });
    // Backticks make what is in them literal, and are not shown.
    const seen = hostile.replaceAll('`', '');
    const times = text.toLowerCase().replaceAll(/\s+/g, ' ').split(seen.toLowerCase().replaceAll(/\s+/g, ' ')).length - 1;
    assert.ok(times >= 4, `${text}\nshows it ${times} times`);
  });
}

for (const text of ['a\n.de evil', 'tab\there', 'null\0', '\u001b[31m', '\u0085']) {
  test(`a page refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => manualPage({ ...MANUAL, summary: text }), /cannot show/);
  });
}

/** The page as `man` shows it on a wide terminal; a warning of the formatter's fails. */
async function formatted(manual: Manual): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'zw-manual-'));
  try {
    await writeFile(join(directory, 'page.8'), manualPage(manual));
    const { stdout, stderr } = await run(['man', '--warnings=w', '--no-hyphenation', '--no-justification', '-l', join(directory, 'page.8')], { environment: { MANWIDTH: '200', MAN_KEEP_FORMATTING: '', HOME: directory, LC_ALL: 'C.UTF-8' } });
    assert.equal(stderr, '');
    return stdout;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
