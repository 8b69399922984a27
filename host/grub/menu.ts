/**
 * The configuration that GRUB boots a node by. One file never changes after it was installed; it reads the other one, the menu,
 * and when that was cut off half-written, the menu before.
 */

/** A kernel with its initramfs, below the root of the boot partition. */
export interface MenuEntry {
  /** What `saved_entry` and `next_entry` of the environment name. It begins with a letter: GRUB takes digits for the number of an entry. */
  readonly id: string;
  readonly title: string;
  /** Directory that holds `vmlinuz` and `initramfs`. */
  readonly directory: string;
  /** Words of the kernel's command line. */
  readonly words: readonly string[];
}

export interface Menu {
  readonly entries: readonly MenuEntry[];
  /** Booted when the environment says nothing of use, and when what it names cannot be loaded. */
  readonly safe: string;
  /** Further words when an entry is booted because `next_entry` names it, once. */
  readonly trialWords: readonly string[];
  /** Further words of an entry that leaves the disks alone. */
  readonly rescueWords: readonly string[];
}

/** Names of the files, below the directory that GRUB has as its prefix. */
export const LOADER_FILES = { config: 'grub.cfg', menu: 'menu.cfg', menuBefore: 'menu.old', environment: 'grubenv' } as const;

/** `grub.cfg`. The login and the menu are on the screen and on the first serial port, where there is one. */
export const LOADER_CONFIG = `if serial --unit=0 --speed=115200; then
  terminal_input console serial
  terminal_output console serial
fi
set timeout=3
load_env saved_entry next_entry
source $prefix/${LOADER_FILES.menu}
if [ "\${menu_is_whole}" != yes ]; then
  source $prefix/${LOADER_FILES.menuBefore}
fi
`;

/**
 * The menu as text. `next_entry` is booted once: it is taken out of the environment before, and where that cannot be done it is
 * not booted at all.
 * @throws Error on anything that GRUB or the kernel could read as more than one word (a mistake of ours: callers have checked it)
 */
export function encodeMenu({ entries, safe, trialWords, rescueWords }: Menu): string {
  if (!entries.some(({ id }) => id === safe)) throw new Error(`the menu has no entry ${JSON.stringify(safe)}`);
  const lines = [
    `set default=${quoted(safe)}`,
    'if [ -n "${saved_entry}" ]; then set default="${saved_entry}"; fi',
    'set fallback="${default}"',
    'set trial=""',
    'if [ -n "${next_entry}" ]; then',
    '  set wanted="${next_entry}"',
    '  set next_entry=""',
    '  if save_env next_entry; then',
    '    set trial="${wanted}"',
    '    set default="${wanted}"',
    '  fi',
    'fi',
    // The one that is safe first: it is what GRUB takes when it knows none by the name it was told.
    ...[...entries].sort((one, other) => Number(other.id === safe) - Number(one.id === safe)).flatMap((entry) => entryOf(entry, trialWords)),
    ...[...entries].flatMap((entry) => rescueOf(entry, rescueWords)),
    'set menu_is_whole=yes',
  ];
  return `${lines.join('\n')}\n`;
}

function entryOf(entry: MenuEntry, trialWords: readonly string[]): string[] {
  return [
    `menuentry ${quoted(entry.title)} --id ${identifier(entry.id)} {`,
    `  if [ "\${trial}" = ${quoted(identifier(entry.id))} ]; then set once=${quoted(words(trialWords))}; else set once=""; fi`,
    `  linux ${path(entry.directory)}/vmlinuz ${words(entry.words)} \${once}`,
    `  initrd ${path(entry.directory)}/initramfs`,
    '}',
  ];
}

function rescueOf(entry: MenuEntry, rescueWords: readonly string[]): string[] {
  return [
    `menuentry ${quoted(`${entry.title}, rescue: the pool is left alone`)} --id ${identifier(`rescue-${entry.id}`)} {`,
    `  linux ${path(entry.directory)}/vmlinuz ${words([...entry.words, ...rescueWords])}`,
    `  initrd ${path(entry.directory)}/initramfs`,
    '}',
  ];
}

function identifier(text: string): string {
  return checked(text, /^[A-Za-z][A-Za-z0-9._-]{0,63}$/, 'an entry’s name');
}

function path(text: string): string {
  return checked(text, /^(\/[A-Za-z0-9][A-Za-z0-9._-]{0,63})+$/, 'a directory');
}

function words(list: readonly string[]): string {
  return list.map((word) => checked(word, /^[A-Za-z0-9][A-Za-z0-9._,:=/@+-]{0,200}$/, 'a word for the kernel')).join(' ');
}

function quoted(text: string): string {
  return `"${checked(text, /^[A-Za-z0-9 ._,:=/@+()-]{1,300}$/, 'a text for the menu')}"`;
}

function checked(text: string, pattern: RegExp, what: string): string {
  if (!pattern.test(text) || text.includes('..')) throw new Error(`not ${what}: ${JSON.stringify(text)}`);
  return text;
}
