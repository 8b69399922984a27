/** Manual pages, in the macros of man(7) that every formatter knows. */
import type { Entry, Manual, ManualCommand, ManualExample, ManualOption } from './manual.ts';

/** A page says when it was last looked at. */
const EDITION = '2026-11-21';

/** The file name of a page. */
export function pageName({ name, section }: Manual): string {
  return `${name.replaceAll(' ', '-')}.${section}`;
}

/** A manual page. */
export function manualPage(manual: Manual): string {
  const { name, section, summary } = manual;
  const title = name.replaceAll(' ', '-');
  const lines = [
    `.TH ${escaped(title.toUpperCase())} ${section} ${EDITION} Zonewright "${section === 8 ? 'System Administration' : 'Formats and Conventions'}"`,
    '.SH NAME',
    `${escaped(title)} \\- ${escaped(summary)}`,
    ...heading('SYNOPSIS', synopsis(manual)),
    ...heading('DESCRIPTION', paragraphs(manual.description)),
    ...heading('OPTIONS', options(manual.options ?? [])),
    ...heading('COMMANDS', (manual.commands ?? []).flatMap(command)),
    ...(manual.lists ?? []).flatMap(({ title: of, entries }) => heading(of.toUpperCase(), list(entries))),
    ...heading('EXIT STATUS', list(manual.exitStatus ?? [])),
    ...heading('ENVIRONMENT', list(manual.environment ?? [])),
    ...heading('FILES', list(manual.files ?? [])),
    ...heading('EXAMPLES', examples([...(manual.examples ?? []), ...(manual.commands ?? []).flatMap((one) => one.examples ?? [])])),
    ...heading('SEE ALSO', seeAlso(manual.seeAlso)),
  ];
  return `${lines.join('\n')}\n`;
}

function heading(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`.SH ${title}`, ...lines];
}

function synopsis({ name, forms = [], options: global = [], commands }: Manual): string[] {
  const called = bold(name);
  if (!commands) return broken(forms.map((form) => `${called} ${marked(form)}`));
  const before = global.length > 0 ? ' [\\fIoptions\\fR]' : '';
  return broken(commands.flatMap((one) => one.forms.map((form) => `${called}${before} ${bold(one.name)} ${marked(form)}`.trimEnd())));
}

function broken(lines: readonly string[]): string[] {
  return lines.flatMap((line, index) => (index === 0 ? [line] : ['.br', line]));
}

function command({ name, aliases = [], forms, summary, description, options: own }: ManualCommand): string[] {
  const tags = forms.map((form) => `${[name, ...aliases].map(bold).join('|')} ${marked(form)}`.trimEnd());
  const text = [sentence(summary), ...(description === undefined ? [] : [sentence(description)])].join(' ');
  const inner = options(own);
  return [...tag(tags), prose(text), ...(inner.length > 0 ? ['.RS', ...inner, '.RE'] : [])];
}

function tag([first = '', ...more]: readonly string[]): string[] {
  return ['.TP', first, ...more.flatMap((line) => ['.TQ', line])];
}

function options(those: readonly ManualOption[]): string[] {
  return those.flatMap(({ name, shorts, value, summary }) => {
    const spellings = [...shorts.map((letter) => `-${letter}`), `--${name}`].map(bold).join(', ');
    return ['.TP', value === undefined ? spellings : `${spellings} \\fI${escaped(value)}\\fR`, prose(sentence(summary))];
  });
}

function list(entries: ReadonlyArray<Entry>): string[] {
  return entries.flatMap(([term, text]) => ['.TP', bold(term), prose(sentence(text))]);
}

function examples(those: readonly ManualExample[]): string[] {
  return those.flatMap(({ line, meaning }) => ['.TP', bold(line), meaning === undefined ? '\\&' : prose(sentence(meaning))]);
}

function paragraphs(texts: readonly string[]): string[] {
  return texts.flatMap((text, index) => (index === 0 ? [prose(text)] : ['.PP', prose(text)]));
}

function seeAlso(pages: readonly string[]): string[] {
  return pages.length === 0 ? [] : [pages.map((page) => page.replace(/^(.*)\((\d)\)$/, (_, name: string, section: string) => `${bold(name)}(${section})`)).join(', ')];
}

/** Running text: what is in backticks is literal. */
function prose(text: string): string {
  return startSafely(text.split('`').map((piece, index) => (index % 2 === 1 ? bold(piece) : escaped(piece))).join(''));
}

/** A form of a command: options and words are literal, `<names>` and NAMES stand for something. */
function marked(form: string): string {
  const pieces = form.split(/(<[^>]+>|--?[A-Za-z0-9][A-Za-z0-9-]*|[A-Z][A-Z0-9_/.-]+)/);
  return pieces
    .map((piece, index) => {
      if (index % 2 === 0) return escaped(piece);
      return piece.startsWith('-') ? bold(piece) : `\\fI${escaped(piece.replace(/^<|>$/g, ''))}\\fR`;
    })
    .join('');
}

function bold(text: string): string {
  return `\\fB${escaped(text)}\\fR`;
}

function sentence(text: string): string {
  const capital = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return /[.:…]$/.test(capital) ? capital : `${capital}.`;
}

/** A line that begins with a dot or a quote is an order to the formatter. */
function startSafely(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}

/** Text that a formatter takes as it is: no escapes, no hyphens that a search does not find, nothing beyond ASCII. */
function escaped(text: string): string {
  if (/\p{Cc}/u.test(text)) throw new Error(`a manual page cannot show ${JSON.stringify(text)}`);
  return [...text].map((character) => ESCAPES[character] ?? (character > '~' ? `\\[u${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]` : character)).join('');
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\e', '-': '\\-', '"': '\\(dq', "'": '\\(aq', '`': '\\(ga', '^': '\\(ha', '~': '\\(ti' };
