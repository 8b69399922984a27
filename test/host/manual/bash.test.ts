import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { bashCompletion } from '../../../host/manual/bash.ts';
import type { Manual } from '../../../host/manual/manual.ts';
import { run } from '../../../host/run/run.ts';
import { manuals } from '../../../scripts/docs/man-pages.ts';

const ONE = '11111111-aaaa-4000-8000-000000000001';
const TWO = '11111111-bbbb-4000-8000-000000000002';
const THREE = '22222222-aaaa-4000-8000-000000000003';

let directory: string;

/** Programs that answer as those of a node, with an alias that was chosen to do harm. */
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zw-complete-'));
  const programs = {
    vmadm: `${ONE}:web\n${TWO}:db\n${THREE}:$(touch ${directory}/expanded)\n44444444-0000-4000-8000-000000000004:\`touch ${directory}/expanded\``,
    imgadm: `${ONE}\n${THREE}`,
    nictagadm: 'admin 02:00 eth0 normal\nbackend - - etherstub',
  };
  for (const [name, answer] of Object.entries(programs)) {
    await writeFile(join(directory, name), `#!/bin/sh\ncat <<'END'\n${answer}\nEND\n`);
    await chmod(join(directory, name), 0o755);
  }
  await writeFile(join(directory, 'completion'), bashCompletion(manuals()));
  await writeFile(join(directory, 'payload.json'), '');
});

after(() => rm(directory, { recursive: true, force: true }));

/** What is typed, the last word being completed, and what is offered. */
const OFFERS: ReadonlyArray<readonly [typed: readonly string[], offered: readonly string[]]> = [
  [['vmadm', 'crea'], ['create', 'create-snapshot']],
  [['vmadm', 'jso'], ['json']],
  [['vmadm', 'get', '11111111-a'], [ONE]],
  [['vmadm', 'get', '1'], [ONE, TWO]],
  [['vmadm', 'get', 'we'], [ONE]],
  [['vmadm', 'get', '$'], [THREE]],
  [['vmadm', 'get', 'nothing'], []],
  [['vmadm', 'stop', ONE, '-'], ['-F', '--force', '-t', '--timeout']],
  [['vmadm', 'update', ONE, 'quo'], ['quota=']],
  [['vmadm', 'update', '-f', './pay'], ['./payload.json']],
  [['vmadm', 'plan', 'up'], ['update']],
  [['zlogin', 'we'], ['web']],
  [['zlogin', ''], [ONE, 'web', TWO, 'db', THREE, '44444444-0000-4000-8000-000000000004']],
  [['zlogin', '-l', 'we'], []],
  [['imgadm', 'delete', '2'], [THREE]],
  [['imgadm', 'install', '-m', './p'], ['./payload.json']],
  [['/usr/sbin/imgadm', 'anc'], ['ancestry']],
  [['nictagadm', 'exists', 'admin', 'b'], ['backend']],
  [['nictagadm', 'delete', ''], ['admin', 'backend']],
  [['zonewright', 'doc'], ['doctor']],
  [['zonewright', 'setup', '--dis'], ['--disk']],
  [['zonewright', 'head', 'networ'], ['network', 'network-pool']],
  [['zonewright', 'head', 'token', '--tt'], ['--ttl']],
  [['zonewright', 'head', 'network', 'li'], ['list']],
  [['sysinfo', '-'], ['-p', '--parsable', '-u', '--update', '-f', '--force']],
  [['vmadm', 'no-such-command', ''], []],
];

for (const [typed, offered] of OFFERS) {
  test(`after ${typed.map((word) => JSON.stringify(word)).join(' ')} completion offers ${offered.length === 0 ? 'nothing' : offered.join(', ')}`, async () => {
    assert.deepEqual(await complete(typed), offered);
  });
}

test('what a node answers is never run by the shell that completes', async () => {
  for (const word of ['', '$', '`', '4']) await complete(['vmadm', 'get', word]);
  for (const word of ['', '$', '`', '4']) await complete(['zlogin', word]);
  await assert.rejects(run(['ls', join(directory, 'expanded')]));
});

for (const name of ["it's", 'a;b', '$(x)', 'a\nb', 'a*']) {
  test(`completion refuses ${JSON.stringify(name)} as the name of an option`, () => {
    const manual: Manual = { name: 'x', section: 8, summary: 'x', description: [], commands: [{ name: 'go', forms: [''], summary: 'x', options: [{ name, shorts: [], summary: 'x' }] }], seeAlso: [] };
    assert.throws(() => bashCompletion([manual]), /completion cannot have/);
  });
}

async function complete(words: readonly string[]): Promise<string[]> {
  const script = 'set -u; . ./completion; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _zonewright_complete "$1"; [ ${#COMPREPLY[@]} = 0 ] || printf "%s\\n" "${COMPREPLY[@]}"';
  const { stdout } = await run(['bash', '--norc', '-c', script, 'bash', ...words], { cwd: directory, environment: { PATH: `${directory}:/usr/bin:/bin` } });
  return stdout.split('\n').filter((line) => line !== '');
}
