import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../../host/run/run.ts';

const ROOT = new URL('../..', import.meta.url).pathname;

test('a fleet boots from a CD and over the network, runs zones and a machine, loses power, takes a second platform, and reboots its head', async (t) => {
  const { stdout, stderr, exitCode } = await run(['bash', `${ROOT}scripts/fleet.sh`, '--booted'], { acceptExitCodes: [0, 1], timeout: 3_000_000, environment: { HOME: '/root' } });
  for (const [line] of stdout.matchAll(/^== .*$/gm)) t.diagnostic(line);
  assert.equal(exitCode, 0, `${stdout.slice(-8000)}\n${stderr.slice(-3000)}`);
  assert.match(stdout, /^The booted fleet did what it should: \d+ checks, \d+ instances\.$/m);
});
