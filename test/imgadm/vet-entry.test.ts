import assert from 'node:assert/strict';
import { test } from 'node:test';
import { vetEntry, type RawEntry, type Seen } from '../../imgadm/unpack/vet-entry.ts';

const file = (name: string): RawEntry => ({ name, type: 'file' });
const directory = (name: string): RawEntry => ({ name, type: 'directory' });
const symlink = (name: string, linkname: string): RawEntry => ({ name, type: 'symlink', linkname });
const link = (name: string, linkname: string): RawEntry => ({ name, type: 'link', linkname });

/** Archives of which the last entry is refused, and why. */
const HOSTILE: ReadonlyArray<readonly [what: string, entries: readonly RawEntry[], reason: RegExp]> = [
  ['an absolute name', [file('/etc/passwd')], /name is absolute/],
  ['a name that goes up', [file('../x')], /goes up/],
  ['a name that goes up in the middle', [file('a/../../x')], /goes up/],
  ['a name that goes up and comes back', [file('a/../b')], /goes up/],
  ['an empty name', [file('')], /empty/],
  ['a name with a newline', [file('a\nb')], /control character/],
  ['a name with NUL', [file('a\0b')], /control character/],
  ['a name with an escape sequence', [file('a\u001b[2Jb')], /control character/],
  ['a name that is not UTF-8', [file('caf\ufffd')], /not UTF-8/],
  ['a name with a part of 256 bytes', [file('x'.repeat(256))], /longer than 255/],
  ['a name of more than 4095 bytes', [file(`${'d/'.repeat(2100)}f`)], /longer than 4095/],
  ['a block device', [{ name: 'dev/sda', type: 'block-device' }], /device node/],
  ['a character device', [{ name: 'dev/mem', type: 'character-device' }], /device node/],
  ['an unknown type', [{ name: 'x', type: null }], /not supported/],
  ['a GNU sparse file', [{ name: 'x', type: 'file', pax: { 'GNU.sparse.major': '1' } }], /sparse/],
  ['a hard link to an absolute name', [link('x', '/etc/shadow')], /target is absolute/],
  ['a hard link that goes up', [link('x', '../etc/shadow')], /target goes up/],
  ['a hard link to something that comes later', [link('x', 'y'), file('y')], /has not made before/],
  ['a hard link to nothing', [link('x', '')], /target is empty/],
  ['a hard link to a directory', [directory('d'), link('x', 'd')], /hard link to a directory/],
  ['a hard link to itself', [file('x'), link('x', 'x')], /link to itself/],
  ['a symbolic link that climbs above the root', [symlink('a/b', '../../../etc')], /climbs above/],
  ['a symbolic link that climbs above the root half-way', [symlink('a', '../root/x')], /climbs above/],
  ['a symbolic link without target', [symlink('a', '')], /target is empty/],
  ['a symbolic link with a newline', [symlink('a', 'b\nc')], /control character/],
  ['a file through a symbolic link', [symlink('a', '/etc'), file('a/passwd')], /through the symbolic link "a"/],
  ['a file through a symbolic link further up', [symlink('a', 'b'), file('a/b/c/d')], /through the symbolic link "a"/],
  ['a hard link made through a symbolic link', [file('f'), symlink('a', '/tmp'), link('a/x', 'f')], /through the symbolic link/],
  ['a file through a hard link to a symbolic link', [symlink('a', '/etc'), link('b', 'a'), file('b/passwd')], /through the symbolic link "b"/],
  ['a file below a file', [file('a'), file('a/b')], /is a file, not a directory/],
  ['a directory that becomes a symbolic link', [directory('a'), symlink('a', '/etc')], /was a directory before and is a symlink now/],
  ['an implied directory that becomes a symbolic link', [file('a/b'), symlink('a', '/etc')], /was a directory before/],
  ['a symbolic link that becomes a file', [symlink('a', '/etc/passwd'), file('a')], /was a symlink before/],
  ['a symbolic link that becomes a directory', [symlink('a', '/etc'), directory('a')], /was a symlink before/],
  ['a root that is a symbolic link', [symlink('./', '/')], /root is not a directory/],
  ['a root that is a file', [file('.')], /root is not a directory/],
  ['a negative size', [{ ...file('x'), size: -1 }], /makes no sense/],
  ['a size that is no number', [{ ...file('x'), size: Number.NaN }], /makes no sense/],
  ['an owner beyond all numbers', [{ ...file('x'), uid: 2 ** 60 }], /makes no sense/],
  ['a directory with content', [{ ...directory('x'), size: 10 }], /content although/],
  ['a link with content', [file('a'), { ...link('x', 'a'), size: 10 }], /content although/],
];

for (const [what, entries, reason] of HOSTILE) {
  test(`${what} is refused by name`, () => {
    const seen: Seen = new Map();
    assert.throws(
      () => entries.forEach((entry) => vetEntry(entry, seen)),
      (error: Error & { code?: string }) => error.code === 'UnsafeArchive' && reason.test(error.message) && error.message.startsWith('refusing the image file because of entry "'),
    );
  });
}

const GOOD: ReadonlyArray<readonly [what: string, entries: readonly RawEntry[]]> = [
  ['the root itself', [directory('./'), directory('.')]],
  ['names with and without ./', [file('./a'), file('b'), directory('./c/'), file('c//d')]],
  ['an absolute symbolic link', [symlink('etc/alternatives/vi', '/usr/bin/vim')]],
  ['a relative symbolic link that stays inside', [symlink('usr/lib/x', '../../lib/x'), symlink('var/run', '../run')]],
  ['a symbolic link that leads nowhere', [symlink('a', 'nothing')]],
  ['a hard link to an earlier file', [file('a'), link('b/c', './a')]],
  ['a hard link to a symbolic link', [symlink('a', 'x'), link('b', 'a')]],
  ['a FIFO', [{ name: 'run/initctl', type: 'fifo' }]],
  ['a file given twice', [file('a'), file('a')]],
  ['a directory given after its content', [file('d/f'), directory('d')]],
  ['names of three dots, with blanks, with other alphabets', [file('...'), file('a b'), file('Főtanúsítvány.crt'), file('-rf')]],
  ['ids above 65535', [{ ...file('x'), uid: 1_000_600_001 }]],
];

for (const [what, entries] of GOOD) {
  test(`${what} passes`, () => {
    const seen: Seen = new Map();
    for (const entry of entries) assert.doesNotMatch(vetEntry(entry, seen).path, /^\/|\/$|(^|\/)\.\.(\/|$)/);
  });
}
