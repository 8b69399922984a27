import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeAccounts } from '../../../node/persistence/account-files.ts';

const PASSWD = [2, 3];
const BASE = 'root:x:0:0:root:/root:/bin/bash\nchrony:x:101:103::/var/lib/chrony:/sbin/nologin\n';

/** What an operator and a newer image do to an account file, and what is made of it. */
const MERGES: ReadonlyArray<readonly [behaviour: string, ours: string, theirs: string, merged: string]> = [
  ['a kept file follows the image where nobody changed it', BASE, `${BASE}sshd:x:102:65534::/run/sshd:/sbin/nologin\n`, `${BASE}sshd:x:102:65534::/run/sshd:/sbin/nologin\n`],
  ['an account of a person stays', `${BASE}ada:x:1000:1000::/home/ada:/bin/bash\n`, BASE, `${BASE}ada:x:1000:1000::/home/ada:/bin/bash\n`],
  ['an account that the image no longer has goes', BASE, 'root:x:0:0:root:/root:/bin/bash\n', 'root:x:0:0:root:/root:/bin/bash\n'],
  ['one of those that was changed stays', BASE.replace('/sbin/nologin', '/bin/sh'), 'root:x:0:0:root:/root:/bin/bash\n', BASE.replace('/sbin/nologin', '/bin/sh')],
  ['a removed account stays removed', 'root:x:0:0:root:/root:/bin/bash\n', BASE, 'root:x:0:0:root:/root:/bin/bash\n'],
  ["a changed shell stays, and ids are the image's", BASE.replace('/bin/bash', '/bin/zsh'), BASE.replace('101:103', '105:107'), BASE.replace('/bin/bash', '/bin/zsh').replace('101:103', '105:107')],
  ['an empty line is no account', `\n${BASE}\n`, BASE, BASE],
];

for (const [behaviour, ours, theirs, merged] of MERGES) {
  test(behaviour, () => {
    assert.equal(mergeAccounts({ base: BASE, ours, theirs, ids: PASSWD }), merged);
  });
}

test("root's password stays while the image's shadow file changes around it", () => {
  const base = 'root:*:20000:0:99999:7:::\nchrony:!:20000::::::\n';
  const ours = 'root:$y$hash:20414:0:99999:7:::\nchrony:!:20000::::::\n';
  const theirs = 'root:*:20500:0:99999:7:::\nchrony:!:20500::::::\nsshd:!:20500::::::\n';
  assert.equal(mergeAccounts({ base, ours, theirs, ids: [] }), 'root:$y$hash:20414:0:99999:7:::\nchrony:!:20500::::::\nsshd:!:20500::::::\n');
});

test('members that the operator added to a group stay', () => {
  const merged = mergeAccounts({ base: 'adm:x:4:\n', ours: 'adm:x:4:ada\n', theirs: 'adm:x:5:\n', ids: [2] });
  assert.equal(merged, 'adm:x:5:ada\n');
});
