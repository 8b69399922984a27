import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { takeLock, tryLock } from '../../host/lock/lock.ts';
import { withinOperation } from '../../host/run/operation.ts';
import { run } from '../../host/run/run.ts';

const scope = `test ${process.pid}`;

test('a second taker waits until the first releases', async () => {
  const options = { scope, name: 'wait', action: 'test' };
  const first = await takeLock(options);
  assert.equal(await tryLock(options), undefined);
  const order: string[] = [];
  const second = takeLock(options).then((lock) => {
    order.push('second has it');
    return lock;
  });
  order.push('first releases');
  await first.release();
  await (await second).release();
  assert.deepEqual(order, ['first releases', 'second has it']);
});

test('a waiter gives up with a message that names the lock', async () => {
  const options = { scope, name: 'instance:x', action: 'stop', waitSeconds: 0 };
  const lock = await takeLock(options);
  await assert.rejects(takeLock(options), /another operation \(stop\) has held instance:x/);
  await lock.release();
});

test('the same name in another scope is another lock', async () => {
  const lock = await takeLock({ scope, name: 'scoped', action: 'test' });
  const other = await tryLock({ scope: `${scope} other`, name: 'scoped' });
  assert.ok(other);
  await Promise.all([lock.release(), other.release()]);
});

test('a lock dies with a holder that is killed', async () => {
  const module = new URL('../../host/lock/lock.ts', import.meta.url).href;
  const holder = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `import { takeLock } from ${JSON.stringify(module)};
     await takeLock({ scope: ${JSON.stringify(scope)}, name: 'killed', action: 'test' });
     process.stdout.write('held'); setInterval(() => {}, 1000);`,
  ]);
  await once(holder.stdout, 'data');
  assert.equal(await tryLock({ scope, name: 'killed' }), undefined);
  const gone = once(holder, 'exit');
  holder.kill('SIGKILL');
  const lock = await takeLock({ scope, name: 'killed', action: 'test', waitSeconds: 10 });
  await gone;
  await lock.release();
});

test('a program started for an operation keeps its lock held after the holder let go', async () => {
  const lock = await takeLock({ scope, name: 'inherited', action: 'test' });
  const operation = { id: 'x', requestId: 'x', heldDescriptors: [lock.descriptor], signal: new AbortController().signal };
  const input = new PassThrough();
  const program = withinOperation(operation, () => run(['cat'], { input }));
  await sleep(200);
  await lock.release();
  assert.equal(await tryLock({ scope, name: 'inherited' }), undefined);
  input.end();
  await program;
  const again = await takeLock({ scope, name: 'inherited', action: 'test', waitSeconds: 10 });
  await again.release();
});
