import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { followEvents, type FollowOptions, type StreamEvent } from '../../agent/client/events.ts';
import { reachAgent } from '../../agent/client/local-agent.ts';
import type { Transport } from '../../agent/client/transport.ts';
import { isErrorCode } from '../../host/errors/errors.ts';
import { startAgent, transportTo, type RunningAgent } from '../support/agent.ts';
import { cli } from '../support/cli.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';
import { minimalImage } from '../support/seed-images.ts';

let node: ScratchNode;
let agent: RunningAgent;
let image: string;

before(async () => {
  node = await scratchNode();
  image = (await minimalImage(node)).lx;
  agent = await startAgent(node);
});

after(async () => {
  await agent.stop();
  await node.remove();
});

async function create(more: Record<string, unknown> = {}): Promise<string> {
  const uuid = randomUUID();
  const input = JSON.stringify({ uuid, brand: 'lx', kernel_version: '6.1.0', image_uuid: image, quota: 1, max_physical_memory: 64, autoboot: false, ...more });
  const { status, stderr } = await cli(node, 'vmadm', ['create'], { input });
  assert.equal(status, 0, stderr);
  return uuid;
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    assert.ok(tries < 2400, `${what} did not come about`);
    await sleep(50);
  }
}

/** `vmadm events` as a program reads it; resolves when it is ready. */
async function reader(...args: string[]) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../bin/vmadm.ts'), 'events', '-r', ...args], {
    env: { PATH: process.env['PATH'] ?? '', ZONEWRIGHT_NODE: node.configPath },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  await until('ready', () => output.stdout.includes('ready'));
  const lines = (): string[] => output.stdout.split('\n').filter((line) => line !== '');
  return { lines, events: () => lines().map((line) => JSON.parse(line) as Record<string, unknown>), stderr: () => output.stderr, end: () => child.kill('SIGKILL') };
}

test('events tell of create, boot, death of the init, change and delete, as they happen', async () => {
  const { events, stderr, end } = await reader('-j');
  const uuid = await create({ autoboot: true, alias: 'seen' });
  const { stdout } = await cli(node, 'vmadm', ['list', '-p', '-o', 'pid', `uuid=${uuid}`]);
  process.kill(Number(stdout), 'SIGKILL');
  const changesTo = (path: string): unknown[] => events().flatMap(({ changes }) => (Array.isArray(changes) ? (changes as Array<Record<string, unknown>>) : [])).filter(({ prettyPath }) => prettyPath === path).map(({ newValue }) => newValue);
  await until('stopped', () => changesTo('zone_state').includes('installed'));
  await cli(node, 'vmadm', ['update', uuid, 'alias=other']);
  await cli(node, 'vmadm', ['delete', uuid]);
  await until('delete', () => events().at(-1)?.['type'] === 'delete');
  const [ready, first] = events();
  assert.deepEqual([ready?.['type'], typeof ready?.['vms']], ['ready', 'string']);
  assert.deepEqual([first?.['type'], first?.['uuid'], (first?.['vm'] as Record<string, unknown>)['alias']], ['create', uuid, 'seen']);
  assert.deepEqual(changesTo('zone_state'), ['running', 'installed']);
  assert.deepEqual(changesTo('alias'), ['other']);
  assert.equal('vm' in (events().at(-1) ?? {}), false);
  assert.equal(stderr(), '');
  end();
});

test('events as text have a short line for each change, and those of one uuid are of that one alone', async () => {
  const uuid = await create({ alias: 'an alias that is longer than thirty characters' });
  const { lines, end } = await reader(uuid);
  const other = await create();
  await cli(node, 'vmadm', ['update', uuid, 'quota=3']);
  await cli(node, 'vmadm', ['delete', uuid]);
  await until('delete', () => lines().at(-1)?.endsWith(' delete') === true);
  const time = '\\[\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z\\]';
  assert.match(lines()[0] ?? '', new RegExp(`^${time} ready$`));
  assert.ok(lines().some((line) => new RegExp(`^${time} ${uuid.slice(0, 8)} an alias that is longer tha\\.\\.\\. modify: quota changed :: 1 -> 3$`).test(line)), lines().join('\n'));
  assert.match(lines().at(-1) ?? '', new RegExp(`^${time} ${uuid.slice(0, 8)} - delete$`));
  assert.ok(lines().slice(1).every((line) => line.includes(uuid.slice(0, 8))));
  end();
  await cli(node, 'vmadm', ['delete', other]);
});

test('an unknown instance is not found', async () => {
  const uuid = randomUUID();
  assert.deepEqual(await cli(node, 'vmadm', ['events', uuid]), { stdout: '', stderr: `VM ${uuid} not found\n`, status: 1, signal: null });
});

test('without an agent it is said what to do', async () => {
  const { status, stderr, stdout } = await cli(node, 'vmadm', ['events'], { environment: { ZONEWRIGHT_AGENT: 'off', VMADM_WARN: '1' } });
  assert.deepEqual([status, stdout], [1, '']);
  assert.match(stderr, /^vmadm events needs the agent, and none runs on this node\nStart it: /);
});

/** A connection that breaks when a test says so. */
function breakable(transport: Transport): Transport & { breakNow(): void } {
  let body: { destroy(error: Error): void } | undefined;
  return {
    ...transport,
    async send(request) {
      const response = await transport.send(request);
      body = response.body;
      return response;
    },
    breakNow: () => body?.destroy(Object.assign(new Error('broken'), { code: 'ECONNRESET' })),
  };
}

test('a reader whose connection breaks goes on with the event after the last one it read', async () => {
  const uuid = await create();
  const first = breakable(await transportTo(node));
  const seen: StreamEvent[] = [];
  let reconnections = 0;
  const options: FollowOptions = { vms: [uuid], connect: async () => ((await until('permission', () => reconnections > 0)), reachAgent(node)), onMissed: () => assert.fail('nothing was missed') };
  const reading = (async () => {
    for await (const event of followEvents(first, options)) {
      seen.push(event);
      if (event.type === 'delete') return;
    }
  })();
  const quotas = (): unknown[] => seen.flatMap((event) => ('changes' in event ? (event.changes ?? []) : [])).filter(({ prettyPath }) => prettyPath === 'quota').map(({ newValue }) => newValue);
  await until('ready', () => seen.length > 0);
  await cli(node, 'vmadm', ['update', uuid, 'quota=2']);
  await until('the first change', () => quotas().length === 1);
  first.breakNow();
  await cli(node, 'vmadm', ['update', uuid, 'quota=3']);
  await cli(node, 'vmadm', ['update', uuid, 'quota=4']);
  reconnections++;
  await until('what happened meanwhile', () => quotas().length === 3);
  await cli(node, 'vmadm', ['update', uuid, 'quota=5']);
  await cli(node, 'vmadm', ['delete', uuid]);
  await reading;
  assert.deepEqual(quotas(), [2, 3, 4, 5]);
  assert.deepEqual(seen.filter(({ type }) => type === 'ready').length, 1);
});

test('a cursor of an earlier life of the agent is refused, and a reader that follows is told and starts anew', async () => {
  const { lines, stderr, end } = await reader();
  const stale = await (async () => {
    for await (const event of followEvents(await transportTo(node), { connect: () => reachAgent(node) })) return event.cursor;
    return '';
  })();
  await agent.kill();
  agent = await startAgent(node);
  await until('the next life', () => stderr() !== '');
  assert.equal(stderr(), 'Some events were missed: the agent has been started anew.\n');
  await until('ready again', () => lines().filter((line) => line.endsWith('ready')).length === 2);
  const response = await (await transportTo(node)).send({ method: 'GET', path: `/events?after=${encodeURIComponent(stale)}` });
  assert.equal(response.status, 410);
  response.body.destroy();
  end();
});

test('a reader gives up when no agent comes back', async () => {
  const transport = breakable(await transportTo(node));
  const events = followEvents(transport, { connect: async () => undefined, patience: 0.5 });
  await events.next();
  transport.breakNow();
  await assert.rejects(events.next(), (error) => isErrorCode(error, 'AgentLost'));
});
