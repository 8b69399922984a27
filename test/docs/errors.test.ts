import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { agentErrors } from '../../agent/errors.ts';
import { identityErrors } from '../../agent/identity/errors.ts';
import { taskErrors } from '../../agent/tasks/errors.ts';
import { headErrors } from '../../headnode/errors.ts';
import { networkErrors } from '../../headnode/networks/errors.ts';
import { hostErrors } from '../../host/errors/host-errors.ts';
import { sourceErrors } from '../../host/platform-source/errors.ts';
import { signatureErrors } from '../../host/signature/errors.ts';
import { imgadmErrors } from '../../imgadm/errors.ts';
import { nodeErrors } from '../../node/errors.ts';
import { platformErrors } from '../../node/platform/errors.ts';
import { errorsPage } from '../../scripts/docs/errors-page.ts';
import { vmErrors } from '../../vmadm/errors.ts';

const PAGE = new URL('../../docs/errors.md', import.meta.url);
const TABLES = { vmErrors, imgadmErrors, nodeErrors, agentErrors, taskErrors, identityErrors, headErrors, hostErrors, networkErrors, signatureErrors, sourceErrors, platformErrors };

test('docs/errors.md lists exactly the errors that the code can throw', async () => {
  const [page, wanted] = [(await readFile(PAGE, 'utf8')).split('\n'), errorsPage().split('\n')];
  const differences = [...wanted.filter((line) => !page.includes(line)).map((line) => `+ ${line}`), ...page.filter((line) => !wanted.includes(line)).map((line) => `- ${line}`)];
  assert.deepEqual(differences, [], 'write it again: scripts/with-node.sh scripts/docs/errors-page.ts >docs/errors.md');
  assert.equal(page.length, wanted.length);
});

test('every error is on the page once for each table that has it', async () => {
  const page = await readFile(PAGE, 'utf8');
  const rows = page.split('\n').filter((line) => /^\| \w+ \| \d+ \|/.test(line)).map((line) => line.split(' ')[1] ?? '');
  const codes = Object.values(TABLES).flatMap(({ definitions }) => Object.keys(definitions));
  assert.deepEqual(rows.sort(), codes.sort());
});

for (const [name, { definitions }] of Object.entries(TABLES)) {
  test(`every message of ${name} says something, and in one line`, () => {
    for (const [code, { message }] of Object.entries(definitions)) assert.match(message, /^\S.{3,}\S$/, code);
  });
}
