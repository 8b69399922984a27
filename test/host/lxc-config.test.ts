import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeLxcConfig, encodeMountEntry, type LxcEntry } from '../../host/lxc/config.ts';

const HOSTILE: Array<[name: string, entry: LxcEntry]> = [
  ['a newline that starts a line of its own', ['lxc.uts.name', 'web\nlxc.hook.pre-start = /bin/evil']],
  ['a carriage return', ['lxc.uts.name', 'web\rlxc.apparmor.profile = unconfined']],
  ['a NUL byte', ['lxc.uts.name', 'web\0rest']],
  ['a vertical tab', ['lxc.uts.name', 'web\vrest']],
  ['a Unicode line separator', ['lxc.uts.name', 'web\u2028lxc.x = y']],
  ['a next-line character', ['lxc.uts.name', 'web\u0085lxc.x = y']],
  ['a DEL', ['lxc.uts.name', 'web\u007f']],
  ['a leading blank', ['lxc.uts.name', ' web']],
  ['a trailing blank', ['lxc.uts.name', 'web ']],
  ['quotes that LXC would strip', ['lxc.uts.name', '"web"']],
  ['a single quote at the end', ['lxc.uts.name', "web'"]],
  ['an empty value that clears the key', ['lxc.mount.entry', '']],
  ['a key with a newline', ['lxc.uts.name\nlxc.x', 'y']],
  ['a key with an equals sign', ['lxc.uts.name = y #', 'z']],
  ['a key of another program', ['include', '/etc/passwd']],
  ['an upper-case key', ['LXC.UTS.NAME', 'x']],
];

for (const [name, entry] of HOSTILE) {
  test(`refuses ${name}`, () => {
    assert.throws(() => encodeLxcConfig([entry]), { code: 'UnsafeConfigValue' });
  });
}

test('the refusal names the key and shows the value without its control characters', () => {
  assert.throws(() => encodeLxcConfig([['lxc.uts.name', 'a\nb']]), /refusing lxc\.uts\.name = "a\\nb"/);
});

test('encodes good values as they are, one line each', () => {
  const text = encodeLxcConfig([
    ['lxc.uts.name', 'web-01.example.com'],
    ['lxc.idmap', 'u 0 268435456 65536'],
    ['lxc.net.0.ipv4.address', '10.77.0.10/24'],
    ['lxc.pty.max', 1024],
    ['lxc.rootfs.path', 'dir:/zones/a#b=c/root'],
  ]);
  assert.equal(
    text,
    'lxc.uts.name = web-01.example.com\nlxc.idmap = u 0 268435456 65536\nlxc.net.0.ipv4.address = 10.77.0.10/24\nlxc.pty.max = 1024\nlxc.rootfs.path = dir:/zones/a#b=c/root\n',
  );
});

test('a mount entry keeps blanks inside its fields', () => {
  const entry = encodeMountEntry({ source: '/srv/my files', target: 'mnt/a b', type: 'none', options: ['bind', 'ro'] });
  assert.equal(entry, '/srv/my\\040files mnt/a\\040b none bind,ro 0 0');
});

const HOSTILE_MOUNTS = [
  { source: '/x', target: '/etc', type: 'none', options: ['bind'] },
  { source: '/x', target: '../etc', type: 'none', options: ['bind'] },
  { source: '/x', target: 'a/../../etc', type: 'none', options: ['bind'] },
  { source: '/x', target: '', type: 'none', options: ['bind'] },
  { source: '', target: 'mnt', type: 'none', options: ['bind'] },
  { source: '/x', target: 'mnt', type: 'none', options: ['bind,rw 0 0\n/etc etc none bind'] },
];

for (const mount of HOSTILE_MOUNTS) {
  test(`refuses the mount ${JSON.stringify(mount)}`, () => {
    assert.throws(() => encodeMountEntry(mount), { code: 'UnsafeConfigValue' });
  });
}

test('a newline in a mount source stays inside its field', () => {
  const entry = encodeMountEntry({ source: '/x\n/etc', target: 'mnt', type: 'none', options: ['bind'] });
  assert.equal(entry, '/x\\012/etc mnt none bind 0 0');
});
