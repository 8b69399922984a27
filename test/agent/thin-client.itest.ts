import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call } from '../../agent/client/call.ts';
import { withLock } from '../../host/lock/lock.ts';
import { startAgent, transportTo, type RunningAgent } from '../support/agent.ts';
import { cli, type CliResult } from '../support/cli.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';
import { minimalImage } from '../support/seed-images.ts';
import { NO_TRACES, tracesOn } from '../support/traces.ts';

let node: ScratchNode;
let agent: RunningAgent;
let image: string;
const running = randomUUID();
const WITHOUT = { ZONEWRIGHT_AGENT: 'off' };

before(async () => {
  node = await scratchNode();
  image = (await minimalImage(node)).lx;
  agent = await startAgent(node);
  assert.equal((await cli(node, 'vmadm', ['create'], { input: payload(running, { alias: 'one' }) })).status, 0);
});

after(async () => {
  await cli(node, 'vmadm', ['delete', running]);
  await agent.stop();
  await node.remove();
});

function payload(uuid: string, more: Record<string, unknown> = {}): string {
  return JSON.stringify({ uuid, brand: 'lx', kernel_version: '6.1.0', image_uuid: image, quota: 1, max_physical_memory: 64, ...more });
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    assert.ok(tries < 2400, `${what} did not come about`);
    await sleep(50);
  }
}

async function stateOf(uuid: string): Promise<string> {
  return (await cli(node, 'vmadm', ['list', '-p', '-o', 'state', `uuid=${uuid}`])).stdout.trim();
}

async function metrics(): Promise<string> {
  const transport = await transportTo(node);
  const { body } = await transport.send({ method: 'GET', path: '/metrics' });
  const texts: string[] = [];
  for await (const text of body.setEncoding('utf8')) texts.push(String(text));
  return texts.join('');
}

/** Commands that change nothing, on instances that are there and that are not. */
const SAME: ReadonlyArray<readonly [program: string, args: readonly string[], input?: string]> = [
  ['vmadm', ['list']],
  ['vmadm', ['list', '-p', '-o', 'uuid,pid,boot_timestamp,nics.0.mac,tags.x,ram']],
  ['vmadm', ['list', '-o', 'nonsense']],
  ['vmadm', ['list', 'alias=~O']],
  ['vmadm', ['lookup', '-j', 'alias=one']],
  ['vmadm', ['lookup', '-j', '-o', 'uuid,pid,zoneid,platform_buildstamp']],
  ['vmadm', ['lookup', '-1', 'alias=none']],
  ['vmadm', ['get', running]],
  ['vmadm', ['get', randomUUID()]],
  ['vmadm', ['get', '/../../-..%2-\u00e9f-    -            ']],
  ['vmadm', ['json', 'x'.repeat(36)]],
  ['vmadm', ['start', running]],
  ['vmadm', ['start', running, 'disk=/nonexistent,virtio']],
  ['vmadm', ['stop', '-t', '5', running]],
  ['vmadm', ['info', running]],
  ['vmadm', ['info', running, 'vnc,block']],
  ['vmadm', ['kill', '-s', 'WINCH', running]],
  ['vmadm', ['kill', '-s', 'NONSENSE', running]],
  ['vmadm', ['sysrq', running, 'nmi']],
  ['vmadm', ['delete', randomUUID()]],
  ['vmadm', ['reboot', randomUUID()]],
  ['vmadm', ['create'], '{"brand": "lx"}'],
  ['vmadm', ['create'], '{"brand": "lx", "__proto__": {"x": 1}, "constructor": {"prototype": 1}}'],
  ['vmadm', ['create'], '[1]'],
  ['vmadm', ['create'], 'no json'],
  ['vmadm', ['create', '-f', '/nonexistent']],
  ['vmadm', ['validate', 'create'], '{"brand": "lx", "nics": [{"nic_tag": "none"}], "ram": "many"}'],
  ['vmadm', ['validate', 'update', 'kvm'], '{"quota": "x"}'],
  ['vmadm', ['plan', 'update', running, 'quota=2']],
  ['vmadm', ['update', running], '{"set_tags": {"a\\nb": 1}, "quota": -1}'],
  ['zlogin', ['one', 'echo $((6 * 7)); exit 5']],
  ['zlogin', [randomUUID()]],
  ['zlogin', ['nobody', 'true']],
  ['nictagadm', ['list']],
  ['nictagadm', ['list', '-p', '-d', ',']],
  ['nictagadm', ['exists', 'admin', 'none']],
  ['nictagadm', ['add', '-l', 'admin']],
  ['nictagadm', ['add', '-l', '../x']],
  ['nictagadm', ['add', '-b', 'nobridge', 'other']],
  ['nictagadm', ['delete', 'none']],
];

test('commands say and print the same, byte for byte, with an agent and without', async () => {
  for (const [program, args, input] of SAME) {
    const options = input === undefined ? {} : { input };
    const through = await cli(node, program, args, options);
    const alone = await cli(node, program, args, { ...options, environment: WITHOUT });
    assert.deepEqual(through, alone, `${program} ${args.join(' ')}`);
  }
});

test('the agent does the work of a command, under the request id that the command was given', async () => {
  const uuid = randomUUID();
  const environment = { REQ_ID: `req-${uuid}` };
  assert.equal((await cli(node, 'vmadm', ['create'], { input: payload(uuid, { autoboot: false }), environment })).status, 0);
  assert.match(await metrics(), /zonewright_operation_seconds_count\{verb="create",outcome="done"\} [1-9]/);
  const [audit, log] = [await readFile(node.paths.audit, 'utf8'), await readFile(join(node.runDirectory, 'stay.log'), 'utf8')];
  assert.match(audit, new RegExp(`"request":"req-${uuid}","verb":"create"`));
  assert.match(log, new RegExp(`"req_id":"req-${uuid}"`));
  await cli(node, 'vmadm', ['delete', uuid]);
});

test('an instance whose init is killed from outside is stopped in the next lists, and one that reboots itself has its new pid', async () => {
  const uuid = randomUUID();
  await cli(node, 'vmadm', ['create'], { input: payload(uuid) });
  const pid = async (): Promise<string> => (await cli(node, 'vmadm', ['list', '-p', '-o', 'pid', `uuid=${uuid}`])).stdout.trim();
  const first = await pid();
  await cli(node, 'zlogin', [uuid, 'reboot']);
  await until('a new init', async () => (await stateOf(uuid)) === 'running' && !['', first].includes(await pid()));
  process.kill(Number(await pid()), 'SIGKILL');
  await until('stopped', async () => (await stateOf(uuid)) === 'stopped');
  await cli(node, 'vmadm', ['delete', uuid]);
});

test('what another process records, changes and forgets is in the next list', async () => {
  const uuid = randomUUID();
  const path = join(node.paths.instances, `${uuid}.json`);
  const own = { environment: WITHOUT };
  assert.equal((await cli(node, 'vmadm', ['create'], { input: payload(uuid, { autoboot: false, alias: 'before' }), ...own })).status, 0);
  const alias = async (): Promise<string> => (await cli(node, 'vmadm', ['list', '-p', '-o', 'alias,state', `uuid=${uuid}`])).stdout;
  assert.equal(await alias(), 'before:stopped\n');
  await cli(node, 'vmadm', ['update', uuid, 'alias=updated'], own);
  assert.equal(await alias(), 'updated:stopped\n');
  await writeFile(join(node.paths.instances, 'edited'), (await readFile(path, 'utf8')).replace('"updated"', '"edited"'), { mode: 0o600 });
  await rename(join(node.paths.instances, 'edited'), path);
  assert.equal(await alias(), 'edited:stopped\n');
  await cli(node, 'vmadm', ['start', uuid], own);
  assert.equal(await alias(), 'edited:running\n');
  await cli(node, 'vmadm', ['delete', uuid], own);
  assert.equal(await alias(), '');
  await writeFile(path, '{"half": ');
  assert.equal((await cli(node, 'vmadm', ['list', '-p', '-o', 'alias', 'alias=one'])).stdout, 'one\n', 'a damaged record spoils no list');
  await rm(path);
});

interface Held {
  readonly child: ChildProcess;
  readonly uuid: string;
  readonly result: Promise<CliResult>;
}

/** A create that the agent has begun, and that cannot go on while `work` lasts: somebody else holds the lock of admission. */
async function whileCreating(work: (held: Held) => Promise<void>): Promise<Held> {
  const uuid = randomUUID();
  return withLock({ scope: node.paths.config, name: 'admission', action: 'test' }, async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, '../../bin/vmadm.ts'), 'create'], { env: { PATH: process.env['PATH'] ?? '', ZONEWRIGHT_NODE: node.configPath } });
    const held = { child, uuid, result: resultOf(child) };
    child.stdin.end(payload(uuid));
    await until('the operation', async () => (await operations()).length === 1);
    await work(held);
    return held;
  });
}

async function resultOf(child: ChildProcess): Promise<CliResult> {
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const [status, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { ...output, status, signal };
}

async function operations(): Promise<ReadonlyArray<{ verb: string }>> {
  return call(await transportTo(node), { method: 'GET', path: '/operations' });
}

test('Ctrl-C in a command that the agent works for stops and undoes the operation, with exit 130', async () => {
  const { uuid, result } = await whileCreating(async ({ child }) => {
    child.kill('SIGINT');
    await until('the cancellation', async () => /zonewright_agent_requests_total\{method="DELETE",route="\/operations\/:id",status="200"\} 1/.test(await metrics()));
  });
  assert.deepEqual(await result, { stdout: '', stderr: `interrupted: create was stopped before step "record instance ${uuid}" and undone\n`, status: 130, signal: null });
  assert.deepEqual(await tracesOn(node, uuid), NO_TRACES);
});

test('an operation whose command was killed runs to its end', async () => {
  const { uuid, result } = await whileCreating(async ({ child, result: ended }) => {
    child.kill('SIGKILL');
    await ended;
  });
  assert.equal((await result).signal, 'SIGKILL');
  await until('running', async () => (await stateOf(uuid)) === 'running');
  await until('the end of the operation', async () => (await operations()).length === 0);
  await cli(node, 'vmadm', ['delete', uuid]);
  assert.deepEqual(await tracesOn(node, uuid), NO_TRACES);
});

test('a command whose agent is killed says so, with what becomes of its operation; instances notice nothing', async () => {
  const pid = (await cli(node, 'vmadm', ['list', '-p', '-o', 'pid', `uuid=${running}`])).stdout;
  const { uuid, result } = await whileCreating(async () => agent.kill());
  const { status, stderr, stdout } = await result;
  assert.deepEqual([status, stdout, stderr], [1, '', 'the agent ended before it had answered: POST /vms\n']);
  assert.equal((await cli(node, 'vmadm', ['list', '-p', '-o', 'pid', `uuid=${running}`])).stdout, pid, 'without an agent');
  agent = await startAgent(node);
  assert.equal((await cli(node, 'vmadm', ['list', '-p', '-o', 'pid', `uuid=${running}`])).stdout, pid, 'by the next agent');
  assert.deepEqual(await tracesOn(node, uuid), NO_TRACES);
  assert.deepEqual((await readdir(node.paths.journal)).filter((name) => name.endsWith('.jsonl')), []);
});

test('of two agents that are to stay the second one is refused', async () => {
  const { status, stderr } = await cli(node, 'zonewright', ['agent', '--stay']);
  assert.deepEqual([status, stderr], [1, `zonewright agent: an agent runs on this node already: process ${agent.pid}\n`]);
});
