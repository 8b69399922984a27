import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { hierarchies } from '../../host/cgroup/hierarchies.ts';
import { run } from '../../host/run/run.ts';

const ENTER = new URL('enter.sh', import.meta.url).pathname;

/** Makes everything that a test could leave: a pool with a mounted file system, a bridge, a cgroup with a process in it. */
const BUSY = `
  truncate -s 256M "$ZONEWRIGHT_SANDBOX/pool.img"
  zpool create -m "$ZONEWRIGHT_SANDBOX/zones" "zwt$$" "$ZONEWRIGHT_SANDBOX/pool.img"
  ip link add name zwleft type bridge
  for directory in $1; do
    mkdir -p "$directory/$ZONEWRIGHT_SANDBOX_NAME-left/child"
    sleep 987 & echo $! >"$directory/$ZONEWRIGHT_SANDBOX_NAME-left/child/cgroup.procs"
  done
  echo "$ZONEWRIGHT_SANDBOX"
  sleep 988`;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`a sandbox that gets ${signal} leaves no process, mount, cgroup, bridge or directory`, async () => {
    const { child, scratch } = await busySandbox();
    child.kill(signal);
    await once(child, 'exit');
    assert.deepEqual(await traces(scratch), []);
  });
}

test('a sandbox that gets SIGKILL leaves no process or mount, and the next one removes the rest', async () => {
  const { child, scratch } = await busySandbox();
  child.kill('SIGKILL');
  await once(child, 'exit');
  await until(async () => (await processesWith(scratch)).length === 0);
  assert.deepEqual(await mountsWith(scratch), []);
  await run([ENTER, 'true']);
  assert.deepEqual(await traces(scratch), []);
});

test('a sandbox ends with the exit status of its command', async () => {
  const { exitCode } = await run([ENTER, 'bash', '-c', 'exit 7'], { acceptExitCodes: [7] });
  assert.equal(exitCode, 7);
});

async function busySandbox(): Promise<{ child: ChildProcess; scratch: string }> {
  const groups = hierarchies().filter(({ controllers }) => controllers.includes('pids') || controllers.includes('memory'));
  const child = spawn(ENTER, ['bash', '-c', BUSY, 'busy', groups.map(({ directory }) => directory).join(' ')], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('/')) continue;
    const scratch = line;
    assert.notDeepEqual(await traces(scratch), [], 'a busy sandbox must be seen, or this test proves nothing');
    return { child, scratch };
  }
  throw new Error('the sandbox ended before it was busy');
}

async function traces(scratch: string): Promise<string[]> {
  const name = scratch.split('/').at(-1) ?? '';
  const directories = existsSync(scratch) ? [`directory ${scratch}`] : [];
  const bridges = existsSync('/sys/class/net/zwleft') ? ['bridge zwleft'] : [];
  return [...directories, ...bridges, ...(await processesWith(scratch)), ...(await mountsWith(scratch)), ...(await groupsWith(name))];
}

async function processesWith(text: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid);
  const commands = await Promise.all(pids.map(async (pid) => `${await readIfAlive(`/proc/${pid}/environ`)}\0${await readIfAlive(`/proc/${pid}/cmdline`)}`));
  return pids.filter((_, index) => commands[index]?.includes(text)).map((pid) => `process ${pid}`);
}

async function mountsWith(text: string): Promise<string[]> {
  return (await readFile('/proc/self/mounts', 'utf8')).split('\n').filter((line) => line.includes(text));
}

async function groupsWith(name: string): Promise<string[]> {
  const { stdout } = await run(['find', '/sys/fs/cgroup', '-type', 'd', '-name', `${name}*`]);
  return stdout.split('\n').filter((line) => line !== '');
}

async function readIfAlive(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await condition()) return;
    await sleep(50);
  }
  assert.fail('nothing changed within 5 seconds');
}
