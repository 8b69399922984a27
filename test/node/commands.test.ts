import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../../host/run/run.ts';
import { NICTAGADM } from '../../node/cli/nictagadm.ts';
import { PIADM } from '../../node/cli/piadm.ts';
import { ZONEWRIGHT } from '../../node/cli/zonewright.ts';

const BIN = new URL('../../bin/', import.meta.url).pathname;

function call(program: string, ...args: string[]) {
  return run([`${BIN}${program}`, ...args], { acceptExitCodes: [0, 1, 2], environment: { ZONEWRIGHT_NODE: '/nonexistent/node.json' } });
}

for (const program of [ZONEWRIGHT, NICTAGADM, PIADM]) {
  test(`${program.name} without a command shows its commands and fails with 2`, async () => {
    const { stderr, exitCode } = await call(program.name);
    assert.equal(exitCode, 2);
    for (const { name, summary } of program.commands) assert.match(stderr, new RegExp(`${name} +${summary}`));
  });

  for (const { name, options } of program.commands) {
    test(`${program.name} help ${name} shows each of its options`, async () => {
      const { stdout, exitCode } = await call(program.name, 'help', name);
      assert.equal(exitCode, 0);
      for (const option of Object.keys(options)) assert.match(stdout, new RegExp(`--${option}\\b`));
    });
  }
}

/** Wrong calls, each with a part of what is said about it. */
const MISTAKES: ReadonlyArray<readonly [program: string, args: readonly string[], message: RegExp]> = [
  ['zonewright', ['frobnicate'], /unknown command "frobnicate"/],
  ['zonewright', ['setup', '--bogus'], /Unknown option '--bogus'/],
  ['zonewright', ['setup', '--pool'], /--pool/],
  ['zonewright', ['setup', 'extra'], /unexpected argument "extra"/],
  ['zonewright', ['setup', '--size', '-1'], /--size/],
  ['zonewright', ['setup', '--size', '1.5'], /"1\.5" is not a number of GiB/],
  ['zonewright', ['setup', '--file', 'relative'], /not an absolute path/],
  ['zonewright', ['setup', '--file', '/a/../b'], /not an absolute path/],
  ['zonewright', ['setup', '--mountpoint', '/a\nb'], /not an absolute path/],
  ['zonewright', ['setup', '--cgroup', '../x'], /not a name/],
  ['zonewright', ['setup', '--disk', '/dev/sdx', '--file', '/x'], /on disks or in a file, not both/],
  ['nictagadm', ['add'], /too few arguments/],
  ['nictagadm', ['add', 'a'], /give either an interface, or -l, or -b/],
  ['nictagadm', ['add', '-l', 'a', 'eth0'], /give either an interface, or -l, or -b/],
  ['nictagadm', ['list', 'x'], /unexpected argument "x"/],
];

for (const [program, args, message] of MISTAKES) {
  test(`${program} ${args.map((arg) => JSON.stringify(arg)).join(' ')} is wrong usage`, async () => {
    const { stdout, stderr, exitCode } = await call(program, ...args);
    assert.equal(exitCode, 2);
    assert.match(stderr, message);
    assert.equal(stdout, '');
    assert.doesNotMatch(stderr, /\n\s+at /);
  });
}

test('a host that is not set up is told so, with what to do', async () => {
  const { stderr, exitCode } = await call('nictagadm', 'list');
  assert.equal(exitCode, 2);
  assert.match(stderr, /this node is not set up: there is no \/nonexistent\/node\.json\n.*zonewright setup/);
});

test('commands work through a link from anywhere', async () => {
  const { stdout } = await run(['bash', '-c', 'cd "$(mktemp -d)" && ln -s "$1/zonewright" . && ./zonewright --version; rm -r "$PWD"', 'link', BIN.slice(0, -1)]);
  assert.match(stdout, /^Zonewright \d+\.\d+\.\d+\n$/);
});
