import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import bunyan from 'bunyan';
import { z } from 'zod';
import { headErrors } from '../../../headnode/errors.ts';
import { newApp, type App } from '../../../headnode/http/app.ts';
import { listen, type Listener } from '../../../headnode/http/listen.ts';
import { booleanParam, limitParam, paramsOf } from '../../../headnode/http/params.ts';
import { nodeRole, OPERATOR } from '../../../headnode/http/roles.ts';

const NODE = '4a1d7f0e-52a1-4b7e-9f5c-3f2a8f2f6b11';

describe('an app of the head node', () => {
  let app: App;
  let listener: Listener;

  before(async () => {
    app = newApp({
      log: bunyan.createLogger({ name: 'test', level: bunyan.FATAL + 1 }),
      roleOf: ({ headers }) => (headers['x-test-role'] === 'node' ? nodeRole(NODE) : OPERATOR),
      bodySeconds: 1,
    });
    app.post('/things', { schema: { body: z.object({ name: z.string(), size: z.number() }) } }, async ({ body }) => body);
    app.post('/nets', { config: { invalid: 'InvalidParameters' }, schema: { body: z.object({ name: z.string() }) } }, async ({ body }) => body);
    app.get('/merged', async (request) => paramsOf(request, z.object({ sync: booleanParam.optional(), limit: limitParam.default(1000) })));
    app.post('/anything', async ({ body }) => body ?? {});
    app.get('/broken', () => Promise.reject(new Error('the password is 1234')));
    app.get('/full', () => Promise.reject(headErrors.SubnetFull({ network: 'admin' })));
    app.post('/servers/:uuid/sysinfo', { config: { node: 'own' } }, async () => ({}));
    app.get('/images', { config: { node: 'any' } }, async () => []);
    listener = await listen(app, { at: { host: '127.0.0.1', port: 0 }, headSeconds: 1 });
  });
  after(async () => {
    await listener.close();
    await app.close();
  });

  it('names each parameter that does not fit, with the error of its API', async () => {
    const bad = await app.inject({ method: 'POST', url: '/things', payload: { size: 'big' } });
    assert.equal(bad.statusCode, 409);
    const body = bad.json<{ code: string; errors: Array<{ field: string; code: string }> }>();
    assert.equal(body.code, 'ValidationFailed');
    assert.deepEqual(body.errors.map(({ field, code }) => [field, code]), [['name', 'MissingParameter'], ['size', 'Invalid']]);
    const net = await app.inject({ method: 'POST', url: '/nets', payload: {} });
    assert.deepEqual([net.statusCode, net.json<{ code: string }>().code], [422, 'InvalidParameters']);
  });

  it('takes words for booleans and numbers, and refuses a page out of bounds', async () => {
    assert.deepEqual((await app.inject('/merged?sync=true&limit=10')).json(), { sync: true, limit: 10 });
    for (const limit of ['0', '1001', 'many', '1e3', '-5', '']) {
      const answer = await app.inject(`/merged?limit=${limit}`);
      assert.deepEqual([answer.statusCode, answer.json<{ code: string }>().code], [409, 'ValidationFailed'], `limit=${limit}`);
    }
  });

  it('says nothing of what broke inside', async () => {
    const answer = await app.inject({ url: '/broken', headers: { 'x-request-id': 'req-7' } });
    assert.equal(answer.statusCode, 500);
    assert.deepEqual(answer.json(), { code: 'InternalError', message: 'something went wrong; the log has it under req-7' });
    assert.equal(answer.headers['x-request-id'], 'req-7');
  });

  it('answers errors of the registry with their status', async () => {
    const answer = await app.inject('/full');
    assert.deepEqual([answer.statusCode, answer.json()], [507, { code: 'SubnetFull', message: 'network admin has no free address' }]);
  });

  it('does not take a request id that does not fit into a header or a log line', async () => {
    const answer = await app.inject({ url: '/full', headers: { 'x-request-id': 'a b' } });
    assert.match(String(answer.headers['x-request-id']), /^[0-9a-f-]{36}$/);
  });

  it('refuses bodies that are too large, broken, or poison prototypes, and takes an empty one', async () => {
    const send = async (payload: string, type = 'application/json') => {
      const answer = await app.inject({ method: 'POST', url: '/anything', payload, headers: { 'content-type': type } });
      return [answer.statusCode, answer.json<{ code?: string }>().code];
    };
    assert.deepEqual(await send(`{"a":"${'x'.repeat(1024 * 1024)}"}`), [413, 'RequestEntityTooLarge']);
    assert.deepEqual(await send('{"a":'), [400, 'InvalidContent']);
    assert.deepEqual(await send('{"__proto__":{"a":1}}'), [400, 'InvalidContent']);
    assert.deepEqual(await send('<a/>', 'application/xml'), [415, 'UnsupportedMediaType']);
    assert.deepEqual(await send(''), [200, undefined]);
    assert.deepEqual(await send('a=1', 'application/x-www-form-urlencoded'), [200, undefined]);
  });

  it('takes nothing from web pages', async () => {
    const answer = await app.inject({ url: '/images', headers: { origin: 'http://example.com' } });
    assert.deepEqual([answer.statusCode, answer.json<{ code: string }>().code], [403, 'NotAuthorized']);
  });

  it('lets a node speak for itself alone, and hides operators’ routes from it', async () => {
    const ask = async (method: 'GET' | 'POST', url: string) => (await app.inject({ method, url, headers: { 'x-test-role': 'node' } })).statusCode;
    assert.equal(await ask('POST', `/servers/${NODE}/sysinfo`), 200);
    assert.equal(await ask('POST', `/servers/${NODE.replace('4a', '5b')}/sysinfo`), 403);
    assert.equal(await ask('GET', '/images'), 200);
    assert.equal(await ask('GET', '/full'), 404);
    assert.equal(await ask('GET', '/nowhere'), 404);
  });

  for (const [what, bytes] of [
    ['nothing at all', ''],
    ['half a head', 'GET /full HTTP/1.1\r\nHost: x\r\n'],
    ['half a body', 'POST /anything HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a":'],
  ] as const) {
    it(`cuts off who sends ${what} and waits`, async () => {
      const socket = connect(listener.address?.port ?? 0, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(bytes);
      // Ends only when the server closes the connection.
      await new Promise((resolve) => socket.on('close', resolve).resume());
    });
  }
});
