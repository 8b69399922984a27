import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { after, before, test } from 'node:test';
import { historyEntrySchema, taskSchema, type Task } from '../../../agent/wire/tasks.ts';
import { taskApp, type TaskApp } from '../../support/task-app.ts';

let app: TaskApp;
const image = randomUUID();

before(async () => {
  app = await taskApp();
  app.node.addImage(image, { type: 'lx-dataset' });
});
after(() => app.close());

const payload = (uuid: string): Record<string, unknown> => ({ uuid, brand: 'lx', kernel_version: '6.1.0', image_uuid: image, max_physical_memory: 64 });

test('POST /tasks is answered with the result when the task is over, with the headers of cn-agent', async () => {
  const uuid = randomUUID();
  const { status, headers, body } = await app.ask('POST', '/tasks', { body: { task: 'machine_create', params: payload(uuid) }, headers: { 'x-request-id': 'req-1', 'x-server-uuid': app.uuid } });
  assert.equal(status, 200);
  assert.equal((body as { vm: { uuid: string } }).vm.uuid, uuid);
  assert.deepEqual([headers['server'], headers['x-request-id'], headers['x-server-name']], ['Compute Node Agent', 'req-1', hostname()]);
  assert.match(String(headers['x-response-time']), /^\d+$/);
  const { body: loaded } = await app.ask('POST', '/tasks', { body: { task: 'machine_load', params: { uuid } } });
  assert.equal((loaded as { uuid: string }).uuid, uuid, 'the bare instance');
});

test('task and params may come in the query', async () => {
  const query = new URLSearchParams({ task: 'nop', params: JSON.stringify({ error: 'by query' }) });
  const { status, body } = await app.ask('POST', `/tasks?${query.toString()}`);
  assert.deepEqual([status, (body as { error: string }).error], [500, 'by query']);
});

test('a task that fails is answered 500 with its error and the code that clients match on', async () => {
  const { status, body } = await app.ask('POST', '/tasks', { body: { task: 'machine_load', params: { uuid: randomUUID() } } });
  assert.equal(status, 500);
  const { error, details } = body as { error: string; details: { restCode: string } };
  assert.match(error, /No such zone configured/);
  assert.equal(details.restCode, 'VmNotFound');
});

test('what is not a task is refused by the status and code of cn-agent', async () => {
  const cases: ReadonlyArray<readonly [body: unknown, status: number, code: string, message: RegExp]> = [
    [{ task: 'machine_teleport', params: {} }, 404, 'ResourceNotFound', /"machine_teleport"/],
    [{ params: {} }, 409, 'InvalidArgument', /missing "task"/],
    [{ task: 'nop' }, 409, 'InvalidArgument', /missing "params"/],
    [{}, 409, 'InvalidArgument', /missing/],
    [{ task: 5, params: {} }, 409, 'InvalidArgument', /"task" is not valid/],
    [{ task: 'nop', params: 'x' }, 409, 'InvalidArgument', /"params" is not valid/],
    [{ task: 'nop', params: [] }, 409, 'InvalidArgument', /"params" is not valid/],
    [{ task: 'nop', params: {}, id: 'x' }, 409, 'InvalidArgument', /"id" is not valid/],
    [{ task: 'nop', params: {}, async: true }, 409, 'InvalidArgument', /missing "id"/],
    [{ task: 'machine_load', params: { uuid: 'x' } }, 409, 'InvalidArgument', /params.uuid/],
  ];
  for (const [body, status, code, message] of cases) {
    const answer = await app.ask('POST', '/tasks', { body });
    const error = answer.body as { code: string; message: string };
    assert.deepEqual([answer.status, error.code], [status, code], JSON.stringify(body));
    assert.match(error.message, message);
  }
});

test('bodies that are malformed, of another type or too large are refused, and the next one is served', async () => {
  const refusals = [
    [await app.ask('POST', '/tasks', { text: '{"task":' }), 400],
    [await app.ask('POST', '/tasks', { text: '<task/>', headers: { 'content-type': 'application/xml' } }), 415],
    [await app.ask('POST', '/tasks', { text: '[]' }), 400],
    [await app.ask('POST', '/tasks', { body: { task: 'nop', params: { fill: 'x'.repeat(9 * 1024 * 1024) } } }).catch((error: NodeJS.ErrnoException) => ({ status: 413, body: { code: error.code, message: 'cut off while sending' } })), 413],
  ] as const;
  for (const [{ status, body }, expected] of refusals) {
    assert.equal(status, expected, JSON.stringify(body));
    assert.equal(typeof (body as { code: unknown }).code, 'string');
  }
  assert.equal((await app.ask('POST', '/tasks', { body: { task: 'nop', params: {} } })).status, 200);
});

test('another server\'s tasks are not here: 404 without a body', async () => {
  const { status, body } = await app.ask('POST', '/tasks', { body: { task: 'nop', params: {} }, headers: { 'x-server-uuid': randomUUID() } });
  assert.deepEqual([status, body], [404, undefined]);
});

test('an asynchronous task is taken with 202, awaited, and told again under its id; the same id never runs twice', async () => {
  const [id, uuid] = [randomUUID(), randomUUID()];
  const request = { task: 'machine_create', params: payload(uuid), id, async: true };
  const taken = await app.ask('POST', '/tasks', { body: request });
  assert.deepEqual([taken.status, taken.body], [202, { id }]);
  const waited = taskSchema.parse((await app.ask('GET', `/tasks/${id}/wait?timeout=60`)).body);
  assert.deepEqual([waited.status, waited.server_uuid, waited.history.map(({ name }) => name)], ['complete', app.uuid, ['finish']]);
  assert.deepEqual((await app.ask('POST', '/tasks', { body: { ...request, async: 'true' } })).status, 202);
  const again = await app.ask('POST', '/tasks', { body: { ...request, async: false } });
  assert.equal((again.body as { vm: { uuid: string } }).vm.uuid, uuid, 'the synchronous form gets the outcome of the one that ran');
  const other = await app.ask('POST', '/tasks', { body: { ...request, params: payload(randomUUID()) } });
  assert.deepEqual([other.status, (other.body as { code: string }).code], [409, 'InvalidArgument']);
  assert.deepEqual(taskSchema.parse((await app.ask('GET', `/tasks/${id}`)).body), waited);
});

test('a task whose caller goes away runs to its end', async () => {
  const id = randomUUID();
  const gone = new AbortController();
  const asking = app.ask('POST', '/tasks', { body: { task: 'nop', params: { sleep: 3 }, id }, more: { signal: gone.signal } });
  while ((await app.ask('GET', `/tasks/${id}`)).status !== 200) await new Promise((resolve) => setTimeout(resolve, 10));
  gone.abort();
  await assert.rejects(asking);
  assert.equal(((await app.ask('GET', `/tasks/${id}/wait?timeout=60`)).body as Task).status, 'complete');
});

test('a task that nobody gave is 404, and a wait of no length is answered at once', async () => {
  for (const path of [`/tasks/${randomUUID()}`, `/tasks/${randomUUID()}/wait`, '/tasks/..%2f..%2fetc']) {
    const { status, body } = await app.ask('GET', path);
    assert.deepEqual([status, (body as { code: string }).code], [404, 'ResourceNotFound'], path);
  }
  const id = randomUUID();
  await app.ask('POST', '/tasks', { body: { task: 'nop', params: { sleep: 5 }, id, async: true } });
  assert.equal(((await app.ask('GET', `/tasks/${id}/wait?timeout=0`)).body as Task).status, 'active');
  assert.equal((await app.ask('GET', `/tasks/${id}/wait?timeout=x`)).status, 400);
});

test('a paused agent answers 503 until it is resumed, and tells its history meanwhile', async () => {
  assert.equal((await app.ask('POST', '/pause')).status, 204);
  const refused = await app.ask('POST', '/tasks', { body: { task: 'nop', params: {} } });
  assert.deepEqual([refused.status, (refused.body as { code: string }).code], [503, 'ServiceUnavailableError']);
  const { status, body } = await app.ask('GET', '/history');
  assert.equal(status, 200);
  assert.ok(historyEntrySchema.array().parse(body).length > 0);
  assert.equal((await app.ask('POST', '/resume')).status, 204);
  assert.equal((await app.ask('POST', '/tasks', { body: { task: 'nop', params: {} } })).status, 200);
});
