import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { agentApi } from '../../scripts/docs/agent-api.ts';

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly summary?: string; readonly tags?: readonly string[]; readonly responses: Readonly<Record<string, unknown>> }>>>>;
}

const PAGE = new URL('../../docs/openapi/agent.json', import.meta.url);

test('docs/openapi/agent.json describes exactly the API that the agent has', async () => {
  assert.equal(await readFile(PAGE, 'utf8'), await agentApi(), 'write it again: scripts/with-node.sh scripts/docs/agent-api.ts >docs/openapi/agent.json');
});

test('every request of the API says what it is for and how it fails', async () => {
  const { paths } = JSON.parse(await readFile(PAGE, 'utf8')) as Description;
  const requests = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, request]) => ({ name: `${method} ${path}`, ...request })));
  assert.ok(requests.length > 20, 'this proves nothing without requests');
  for (const { name, summary, tags, responses } of requests) {
    assert.match(summary ?? '', /^\S.{5,}\S$/, name);
    assert.equal(tags?.length, 1, name);
    assert.ok(Object.keys(responses).some((status) => /^[45]/.test(status)), `${name} says nothing of failures`);
  }
});
