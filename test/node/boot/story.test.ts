import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeErrors } from '../../../node/errors.ts';
import { tellStory } from '../../../node/boot/story.ts';

test('a part that fails says what and what to do, and the next parts are still done', async () => {
  const lines: string[] = [];
  const story = tellStory((line) => lines.push(line));
  assert.equal(await story.part('pool', async () => 'zones found'), 'zones found');
  assert.equal(await story.part('network', async () => Promise.reject(nodeErrors.NoNetworkInterface({ wanted: 'eth9' }, { hint: 'Plug it in.', details: ['there is eth0'] }))), undefined);
  assert.equal(await story.part('count', async () => 3), 3);
  assert.deepEqual(
    lines.map((line) => line.replace(/ +/g, ' ')),
    ['pool zones found', 'network FAILED: this machine has no network interface eth9', 'network there is eth0', 'network Plug it in.'],
  );
  assert.deepEqual(story.failures, ['network']);
});

test('a mistake of ours is told with where it happened', async () => {
  const lines: string[] = [];
  await tellStory((line) => lines.push(line)).part('node', async () => Promise.reject(new Error('cannot be')));
  assert.match(lines.join('\n'), /FAILED: Error: cannot be\n.*story\.test\.ts/);
});
