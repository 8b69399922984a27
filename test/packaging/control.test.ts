import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { run } from '../../host/run/run.ts';
import { controlFile, debianChangelog, requireVersion } from '../../packaging/control.ts';

for (const version of ['0.1.0', '0.1.0~rc1', '1.2.3+git20261121', '10']) {
  test(`${version} may be the version of a package`, () => requireVersion(version));
}

for (const version of ['', 'v1', '~1', '1 2', '1\nDepends: evil', '1/../../x', '1;id', '1:2', '1-2', `1${'0'.repeat(64)}`]) {
  test(`${JSON.stringify(version)} is refused as the version of a package`, () => {
    for (const use of [requireVersion, (one: string) => controlFile(one, 1), (one: string) => debianChangelog(one, 0)]) assert.throws(() => use(version), /not a version/);
  });
}

test('the control file is one paragraph of fields', () => {
  const text = controlFile('0.1.0', 137);
  for (const line of text.trimEnd().split('\n')) assert.match(line, /^([A-Z][A-Za-z-]*: \S| \S)/);
  assert.match(text, /^Depends: .*\blxc, .*zfsutils-linux \| zfs-fuse, /m);
});

test('the changelog has one entry, with its time as Debian writes it', () => {
  assert.match(debianChangelog('0.1.0', 1763748000), /^zonewright \(0\.1\.0\) stable; urgency=medium\n\n  \* .*\n\n -- Zonewright <\S+>  Fri, 21 Nov 2025 18:00:00 \+0000\n$/);
});

test('the maintainer scripts are ones that the shell of a small host reads', async () => {
  const directory = new URL('../../packaging/maintainer', import.meta.url).pathname;
  const scripts = (await readdir(directory)).filter((name) => /^(pre|post)/.test(name));
  assert.deepEqual(scripts.sort(), ['postinst', 'postrm', 'prerm']);
  for (const script of scripts) await run(['sh', '-n', `${directory}/${script}`]);
});
