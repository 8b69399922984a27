import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { endDeadline } from '../../../node/platform/judge-trial.ts';

let directory: string;
before(async () => void (directory = await mkdtemp(join(tmpdir(), 'zonewright-deadline-'))));
after(() => rm(directory, { recursive: true }));

/** A process that waits on its input, called as a process is by these words. */
function waiting(...words: string[]) {
  return spawn('sh', ['-c', 'read line', ...words], { stdio: ['pipe', 'ignore', 'ignore'] });
}

async function pidFile(content: string): Promise<string> {
  const file = join(directory, crypto.randomUUID());
  await writeFile(file, content);
  return file;
}

test('the deadline of the first stage is ended', async () => {
  const child = waiting('reboot', '-n', '-f', '-d', '600');
  await endDeadline(await pidFile(`${child.pid}\n`));
  assert.equal((await once(child, 'exit'))[1], 'SIGKILL');
});

test('a process that has come by its number is left alone', async () => {
  const child = waiting('something', 'else');
  await endDeadline(await pidFile(`${child.pid}\n`));
  child.stdin.end('\n');
  assert.equal((await once(child, 'exit'))[0], 0);
});

for (const content of ['', 'x', '0', '1', '-1', '1.5', '99999999']) {
  test(`a pid file that says ${JSON.stringify(content)} ends nothing`, async () => {
    await endDeadline(await pidFile(content));
  });
}

test('without a deadline there is nothing to end', () => endDeadline(join(directory, 'none')));
