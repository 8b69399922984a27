import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../../../host/run/run.ts';
import { encodeMenu, LOADER_CONFIG, type Menu, type MenuEntry } from '../../../host/grub/menu.ts';

const entry = (name: string): MenuEntry => ({ id: name, title: `Zonewright ${name}`, directory: `/${name}`, words: ['console=tty0', 'console=ttyS0,115200', 'panic=10'] });
const menu: Menu = { entries: [entry('new'), entry('old')], safe: 'old', trialWords: ['zonewright.trial=600'], rescueWords: ['noimport=true'] };

test("GRUB's own checker finds no mistake in menu and configuration", async () => {
  for (const script of [encodeMenu(menu), LOADER_CONFIG]) await run(['grub-script-check'], { input: script });
});

test('the safe entry comes first, since GRUB takes the first when it knows no better', () => {
  assert.deepEqual([...encodeMenu(menu).matchAll(/--id (\S+)/g)].map(([, id]) => id), ['old', 'new', 'rescue-new', 'rescue-old']);
});

test('only what is booted once gets the words of a trial, and only rescue leaves the disks alone', () => {
  const text = encodeMenu(menu);
  assert.match(text, /if \[ "\$\{trial\}" = "new" \]; then set once="zonewright\.trial=600"; else set once=""; fi\n {2}linux \/new\/vmlinuz console=tty0 console=ttyS0,115200 panic=10 \$\{once\}\n/);
  assert.match(text, /rescue-new \{\n {2}linux \/new\/vmlinuz .* noimport=true\n/);
  assert.equal(text.match(/noimport/g)?.length, 2);
});

test('what cannot be taken out of the environment is not tried, or it would be tried for ever', () => {
  assert.match(encodeMenu(menu), /if save_env next_entry; then\n {4}set trial="\$\{wanted\}"\n {4}set default="\$\{wanted\}"\n/);
});

test('a menu says at its end that it is whole', () => {
  assert.match(encodeMenu(menu), /set menu_is_whole=yes\n$/);
});

/** What must never become part of a menu, whatever field it comes in. */
const HOSTILE = ['a"b', "a'b", 'a\nmenuentry x {', 'a{b', 'a}', 'a;b', 'a$b', 'a`b', 'a\\b', 'a|b', 'a&b', 'a#b', 'a<b', 'a>b', 'a\tb', 'a\0b', 'a..b', '', 'ä', 'a'.repeat(400)];

for (const text of HOSTILE) {
  test(`no field of a menu can be ${JSON.stringify(text.slice(0, 30))}`, () => {
    for (const field of ['id', 'title', 'directory'] as const) {
      const value = field === 'directory' ? `/${text}` : text;
      assert.throws(() => encodeMenu({ ...menu, safe: 'old', entries: [entry('old'), { ...entry('x'), [field]: value }] }), /^Error: not /, field);
    }
    assert.throws(() => encodeMenu({ ...menu, trialWords: [text] }), /^Error: not /);
    assert.throws(() => encodeMenu({ ...menu, rescueWords: [text] }), /^Error: not /);
    assert.throws(() => encodeMenu({ ...menu, entries: [{ ...entry('old'), words: [text] }] }), /^Error: not /);
  });
}

for (const id of ['20261121T154200Z', '0', '-x', ' old', 'a b']) {
  test(`an entry cannot be called ${JSON.stringify(id)}`, () => {
    assert.throws(() => encodeMenu({ ...menu, entries: [entry('old'), { ...entry('x'), id }] }), /not an entry/);
  });
}

test('what is safe must be there', () => {
  assert.throws(() => encodeMenu({ ...menu, safe: 'gone' }), /no entry "gone"/);
});
