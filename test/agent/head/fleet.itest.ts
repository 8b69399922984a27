/** A real node with a real agent joins a head node, serves it, dies and comes back. */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { encodeJoinToken } from '../../../agent/wire/join.ts';
import { registerSchema } from '../../../agent/wire/messages.ts';
import { holderName, holderUri } from '../../../agent/wire/roles.ts';
import type { CommandResult } from '../../../agent/wire/tasks.ts';
import { issueCertificate } from '../../../host/pki/authority.ts';
import { readCertificate } from '../../../host/pki/certificate.ts';
import { startAgent, type RunningAgent } from '../../support/agent.ts';
import { cli } from '../../support/cli.ts';
import { fleetPki, type Credentials, type FleetPki } from '../../support/fleet-pki.ts';
import { recordingHead, type HeadReply, type Heard, type RecordingHead } from '../../support/recording-head.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';
import { minimalImage } from '../../support/seed-images.ts';

let node: ScratchNode;
let pki: FleetPki;
let head: RecordingHead;
let agent: RunningAgent;
let caller: Credentials;
let image: string;
/** What the head node answers to heartbeats. */
let word: HeadReply = { status: 204 };
const secret = randomBytes(32).toString('base64url');
const FREE_PORT = { ZONEWRIGHT_AGENT_PORT: '0' };

before(async () => {
  node = await scratchNode();
  image = (await minimalImage(node)).lx;
  pki = await fleetPki();
  caller = await pki.issue({ role: 'head' });
  head = await recordingHead(pki);
  head.answer(async (heard) => {
    if (heard.path === '/join') return issue(heard);
    if (heard.path.endsWith('/events/heartbeat')) return word;
    return heard.path.endsWith('/sysinfo') ? { status: 200, body: { wants: ['vms'] } } : { status: 204 };
  });
  agent = await startAgent(node, FREE_PORT);
});

after(async () => {
  await agent?.stop();
  await head?.close();
  await node.remove();
});

async function issue({ body }: Heard): Promise<HeadReply> {
  const holder = { role: 'node', uuid: String(body['uuid']) } as const;
  const certificate = await issueCertificate(pki.authority, String(body['csr']), { uri: holderUri(holder), name: holderName(holder) });
  return { status: 200, body: { certificate, ca: pki.authority.certificatePem, heads: [head.url] } };
}

function token(): string {
  return encodeJoinToken({ url: head.url, ca: readCertificate(pki.authority.certificatePem).fingerprint, secret });
}

const isRegister = ({ path }: Heard): boolean => path === `/servers/${node.serverUuid}/sysinfo`;

/** Where the agent said last that it listens. */
function place(): { host: string; port: number } {
  const sysinfo = registerSchema.parse(head.heard.filter(isRegister).at(-1)?.body).sysinfo;
  return { host: sysinfo['CN Agent IP'] ?? '', port: sysinfo['CN Agent Port'] ?? 0 };
}

function ask(method: string, path: string, { body, as = caller }: { body?: unknown; as?: Partial<Credentials> } = {}): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const options = { ...place(), method, path, ca: pki.authority.certificatePem, ...as, agent: false, checkServerIdentity: () => undefined, headers: body === undefined ? {} : { 'content-type': 'application/json' } };
    const sent = httpsRequest(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text === '' ? undefined : (JSON.parse(text) as unknown) }));
    });
    sent.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    assert.ok(tries < 1200, 'it did not come about');
    await sleep(50);
  }
}

async function execute(params: Record<string, unknown>): Promise<CommandResult> {
  const { status, body } = await ask('POST', '/tasks', { body: { task: 'command_execute', params } });
  assert.equal(status, 200, JSON.stringify(body));
  return body as CommandResult;
}

test('an agent of a node that has joined nobody listens to nobody and speaks to nobody', async () => {
  const listening = (await readFile('/proc/net/tcp', 'utf8')).split('\n').filter((line) => / 0A /.test(line)).map((line) => line.trim().split(/\s+/)[1] ?? '');
  assert.ok(!listening.some((address) => !address.startsWith('0100007F')), `it listens at ${listening.join()}`);
  assert.equal(head.heard.length, 0);
});

test('a token that is not one changes nothing, and the secret is in no message', async () => {
  for (const [args, input] of [[['-'], 'nonsense'], [['--file', '/nonexistent'], ''], [[token(), '--file', '/x'], '']] as const) {
    const { status, stderr } = await cli(node, 'zonewright', ['join', ...args], { input });
    assert.equal(status, 2, stderr);
    assert.ok(!stderr.includes(secret));
  }
  assert.equal(head.heard.length, 0);
});

test('a node joins while its agent runs: the agent registers by mutual TLS, and tells its status and its instances', async () => {
  const { status, stdout, stderr } = await cli(node, 'zonewright', ['join', '-'], { input: `${token()}\n` });
  assert.equal(status, 0, stderr);
  assert.match(stdout, new RegExp(`^joined ${head.url}`));
  const register = await head.until(isRegister);
  assert.deepEqual(register.from, { role: 'node', uuid: node.serverUuid });
  assert.equal(place().host, '10.77.0.1');
  await head.until(({ path }) => path === `/servers/${node.serverUuid}/events/status`);
  await head.until(({ path }) => path === `/vms?server_uuid=${node.serverUuid}`);
  await head.until(({ path }) => path === `/servers/${node.serverUuid}/events/heartbeat`);
  const log = await readFile(`${node.runDirectory}/stay.log`, 'utf8');
  assert.ok(!log.includes(secret) && !log.includes('PRIVATE KEY'));
});

test('a node that has joined does not join again unless it is told to; images come from its head node first', async () => {
  const { status, stderr } = await cli(node, 'zonewright', ['join', '-'], { input: token() });
  assert.equal(status, 1);
  assert.match(stderr, /has joined the head node/);
  const { stdout } = await cli(node, 'imgadm', ['sources']);
  assert.equal(stdout.split('\n')[0], head.url);
});

test('an instance that is made by a task of the head node is in its answer, in what is told of it, and in vmadm list', async () => {
  const uuid = randomUUID();
  const params = { uuid, brand: 'lx', kernel_version: '6.1.0', image_uuid: image, quota: 1, max_physical_memory: 64 };
  const { status, body } = await ask('POST', '/tasks', { body: { task: 'machine_create', params } });
  assert.deepEqual([status, (body as { vm: { state: string } }).vm.state], [200, 'running'], JSON.stringify(body));
  await head.until(({ path, body: vm }) => path === `/vms/${uuid}` && vm['state'] === 'running');
  await head.until(({ path, body: told }) => path.endsWith('/events/status') && Object.hasOwn((told['vms'] ?? {}) as object, uuid));
  assert.match((await cli(node, 'vmadm', ['list', '-H', '-o', 'uuid'])).stdout, new RegExp(uuid));
  await ask('POST', '/tasks', { body: { task: 'machine_destroy', params: { uuid } } });
  await head.until(({ path, body: vm }) => path === `/vms/${uuid}` && vm['state'] === 'destroyed');
});

test('a script gets its arguments and environment in a private directory that goes with it; failing is an answer', async () => {
  const script = '#!/bin/sh\necho "$1 $COLOR"; pwd; stat -c %a .; echo lost >&2; exit 3\n';
  const { exitCode, signal, stdout, stderr, err } = await execute({ script, args: ['a b'], env: { COLOR: 'blue' } });
  const [words, directory = '', mode] = stdout.split('\n');
  assert.deepEqual([exitCode, signal, words, mode, stderr], [3, null, 'a b blue', '700', 'lost\n']);
  assert.ok(err !== null && directory.startsWith(node.runDirectory) && !existsSync(directory));
  assert.deepEqual((await execute({ script: '#!/bin/sh\nexit 0\n' })).err, null);
  assert.equal((await execute({ script: '#!/nonexistent/interpreter\n' })).exitCode === 0, false);
});

test('a script that takes too long or writes too much is ended with all that it started', async () => {
  const late = await execute({ script: `#!/bin/sh\nsleep 3600 &\necho $!\nwait\n`, timeout: 500 });
  assert.match(String((late.err as { message: string }).message), /did not end in its time/);
  await until(() => !existsSync(`/proc/${late.stdout.trim()}`));
  const loud = await execute({ script: '#!/bin/sh\nexec yes\n' });
  assert.match(String((loud.err as { message: string }).message), /wrote more than/);
  assert.ok(loud.stdout.length <= 5 * 1024 * 1024);
});

test('root on the node may not have scripts run by the agent, only a head node may; nobody else gets so far', async () => {
  await assert.rejects(ask('GET', '/history', { as: {} }));
  await assert.rejects(ask('GET', '/history', { as: await pki.issue({ role: 'node', uuid: node.serverUuid }) }));
  const { transportTo } = await import('../../support/agent.ts');
  const transport = await transportTo(node);
  const { status } = await transport.send({ method: 'POST', path: '/tasks', body: { task: 'command_execute', params: { script: '#!/bin/true\n' } } });
  transport.close();
  assert.equal(status, 403);
});

test('a script whose agent is killed dies with it and is reported as failed; the agent registers anew under another boot id', async () => {
  const id = randomUUID();
  const file = `${node.runDirectory}/script.pid`;
  await ask('POST', '/tasks', { body: { task: 'command_execute', params: { script: `#!/bin/sh\necho $$ >${file}.new; mv ${file}.new ${file}; exec sleep 3600\n` }, id, async: true } });
  await until(() => existsSync(file));
  const pid = (await readFile(file, 'utf8')).trim();
  const first = head.heard.filter(isRegister).at(-1)?.body['boot_id'];
  const since = head.heard.length;
  await agent.kill();
  await until(() => !existsSync(`/proc/${pid}`));
  agent = await startAgent(node, FREE_PORT);
  assert.notEqual((await head.until(isRegister, since)).body['boot_id'], first);
  const { body } = await ask('GET', `/tasks/${id}/wait?timeout=60`);
  const { status, error } = body as { status: string; error: { details: { restCode: string } } };
  assert.deepEqual([status, error.details.restCode], ['failure', 'TaskInterrupted']);
});

test('sysinfo -u tells the head node', async () => {
  const since = head.heard.length;
  assert.equal((await cli(node, 'sysinfo', ['-u'])).status, 0);
  await head.until(isRegister, since);
});

test('a nic tag that is added or deleted is told to the head node, and is in sysinfo at once', async () => {
  const tagsOf = (heard: Heard): string[] => Object.values(registerSchema.parse(heard.body).sysinfo['Network Interfaces'] ?? {}).flatMap((nic) => nic['NIC Names'] ?? []);
  assert.equal((await cli(node, 'nictagadm', ['add', '-l', 'backend'])).status, 0);
  assert.match((await cli(node, 'sysinfo', [])).stdout, /"backend"/);
  await head.until((heard) => isRegister(heard) && tagsOf(heard).includes('backend'));
  const since = head.heard.length;
  assert.equal((await cli(node, 'nictagadm', ['delete', 'backend'])).status, 0);
  await head.until((heard) => isRegister(heard) && !tagsOf(heard).includes('backend'), since);
});

test('a caller whose certificate the head node revoked is turned away, also after the agent started again', async () => {
  const stolen = await pki.issue({ role: 'head' });
  assert.equal((await ask('GET', '/history', { as: stolen })).status, 200);
  word = { status: 200, body: { revoked: [readCertificate(stolen.cert).fingerprint] } };
  await until(async () => ask('GET', '/history', { as: stolen }).then(() => false, () => true));
  word = { status: 204 };
  const since = head.heard.length;
  await agent.stop();
  agent = await startAgent(node, FREE_PORT);
  await head.until(isRegister, since);
  await assert.rejects(ask('GET', '/history', { as: stolen }));
  assert.equal((await ask('GET', '/history')).status, 200);
});

test('a node that joins again is known by its new certificate alone from then on', async () => {
  const since = head.heard.length;
  const { status, stderr } = await cli(node, 'zonewright', ['join', '--again', '-'], { input: token() });
  assert.equal(status, 0, stderr);
  await head.until(isRegister, since);
  assert.equal((await ask('GET', '/history')).status, 200);
});
