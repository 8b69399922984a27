import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../../host/run/run.ts';

const ROOT = new URL('../..', import.meta.url).pathname;

test('a fleet of a head and three nodes does a customer’s day and gets over the death of its head, of an agent, and of a network', async () => {
  const { stdout, stderr, exitCode } = await run([`${ROOT}test/sandbox/enter.sh`, process.execPath, `${ROOT}scripts/fleet/main.ts`], {
    acceptExitCodes: [0, 1],
    timeout: 1_200_000,
    environment: { HOME: '/root' },
  });
  assert.equal(exitCode, 0, `${stdout.slice(-6000)}\n${stderr.slice(-3000)}`);
  assert.match(stdout, /^The fleet did what it should: \d+ checks, 7 instances\.$/m);
});
