import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fakeEngine } from '../../support/fake-engine.ts';
import { recordOf, ZONE } from '../payload/prepare.ts';
import { COMMANDS } from '../../../vmadm/cli/commands.ts';
import { commandHelp } from '../../../vmadm/cli/usage.ts';
import { brokenPipe, vmadm } from './run.ts';

const UUID = '9a9a9a9a-9a9a-4a9a-8a9a-9a9a9a9a9a9a';
const UNKNOWN = '00000000-1111-4222-8333-444444444444';
const PAYLOAD = JSON.stringify({ ...ZONE, uuid: UUID });
const USAGE = /^Usage: \/usr\/sbin\/vmadm <command> \[options\]\n/m;

async function withZone(more = {}) {
  return fakeEngine([await recordOf(ZONE, { uuid: UUID, ...more })]);
}

for (const option of ['-h', '-?', '--help', 'help']) {
  test(`${option} prints usage on stdout`, async () => {
    const { status, stdout, stderr } = await vmadm([option]);
    assert.equal(status, 0);
    assert.match(stdout, /^Usage: .*vmadm <command> \[options\]\n/);
    assert.match(stdout.trimEnd().split('\n').at(-1) ?? '', /man vmadm/);
    assert.equal(stderr, '');
  });
}

test('no command prints usage on stderr', async () => {
  const { status, stdout, stderr } = await vmadm([]);
  assert.deepEqual([status, stdout], [2, '']);
  assert.match(stderr, USAGE);
});

test('an unknown command is named', async () => {
  for (const name of ['frobnicate', 'constructor', '__proto__', '']) {
    const { status, stdout, stderr } = await vmadm([name]);
    assert.deepEqual([status, stdout], [2, '']);
    assert.ok(stderr.startsWith(`Invalid command: "${name}".\nUsage: `));
  }
});

for (const command of ['get', 'start', 'stop', 'reboot', 'delete', 'info', 'console', 'json', 'boot', 'halt', 'destroy']) {
  test(`${command} wants a uuid`, async () => {
    const known = COMMANDS.find(({ name, aliases }) => name === command || aliases?.includes(command));
    for (const operands of [[], ['web'], [`${UUID}0`], ['9a9a9a9a9-9a9-4a9a-8a9a-9a9a9a9a9a9a']]) {
      const { status, stderr } = await vmadm([command, ...operands]);
      assert.equal(status, 2);
      assert.ok(stderr.startsWith(`Invalid or missing UUID for ${known?.name}\nUsage: `), stderr.slice(0, 80));
    }
  });
}

test('a uuid operand in upper case is accepted but not found', async () => {
  const { status, stderr } = await vmadm(['get', UUID.toUpperCase()], { engine: await withZone() });
  assert.deepEqual([status, stderr], [1, `zoneadm: ${UUID.toUpperCase()}: No such zone configured\n`]);
});

test('options stand anywhere, unknown ones are tolerated', async () => {
  const engine = await withZone();
  for (const args of [['stop', '-F', UUID], ['stop', UUID, '--force'], ['stop', '--frobnicate', '-v', UUID, '-F', '-d'], ['stop', '--force', '--', UUID]]) {
    assert.equal((await vmadm(args, { engine })).status, 0);
  }
  assert.deepEqual(engine.calls, Array.from({ length: 4 }, () => 'stop {"force":true}'));
  await vmadm(['stop', UUID, '--no-force', '-t', '30'], { engine });
  assert.equal(engine.calls.at(-1), 'stop {"force":false,"timeout":30}');
});

test('a time-out that is no number is refused', async () => {
  const { status, stderr } = await vmadm(['stop', UUID, '-t', 'soon'], { engine: await withZone() });
  assert.equal(status, 2);
  assert.match(stderr, /^Invalid timeout: "soon"\n/);
});

test('create reads stdin and says so on stderr, in one line', async () => {
  assert.deepEqual(await vmadm(['create'], { stdin: PAYLOAD }), { status: 0, stdout: '', stderr: `Successfully created VM ${UUID}\n` });
  assert.equal((await vmadm(['create', '-f', '-'], { stdin: PAYLOAD })).status, 0);
});

test('create warns of dropped properties only where a person reads, after the success line', async () => {
  const stdin = JSON.stringify({ ...ZONE, uuid: UUID, nonsense: 1 });
  assert.equal((await vmadm(['create'], { stdin })).stderr, `Successfully created VM ${UUID}\n`);
  const warned = `Successfully created VM ${UUID}\nwarning: nonsense: there is no such property; it is ignored\n`;
  assert.equal((await vmadm(['create'], { stdin, terminals: ['stderr'] })).stderr, warned);
  assert.equal((await vmadm(['create'], { stdin, options: { environment: { VMADM_WARN: '1' } } })).stderr, warned);
});

test('an error is its message alone, and is explained where a person reads', async () => {
  const stdin = JSON.stringify({ ...ZONE, quota: 'none' });
  assert.deepEqual(await vmadm(['create'], { stdin }), { status: 1, stdout: '', stderr: 'Invalid value(s) for: quota\n' });
  const { stderr } = await vmadm(['create'], { stdin, terminals: ['stderr'] });
  assert.match(stderr, /^Invalid value\(s\) for: quota\n  quota: "none" is not accepted; it must be a whole number from 0 /);
});

for (const [command, text] of [['create', 'Will not create from stdin when stdin is a tty.'], ['validate', 'Will not validate from stdin when stdin is a tty.']] as const) {
  test(`${command} refuses to read a terminal`, async () => {
    const { status, stderr } = await vmadm([command, 'create'], { terminals: ['stdin'] });
    assert.equal(status, 2);
    assert.ok(stderr.startsWith(`${text}\nUsage: `));
  });
}

test('what is wrong with a payload file is said', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'vmadm-cli-'));
  try {
    const file = join(directory, 'payload.json');
    assert.deepEqual(await vmadm(['create', '-f', file]), { status: 1, stdout: '', stderr: `File: ${file} does not exist.\n` });
    assert.match((await vmadm(['create', '--file', directory])).stderr, new RegExp(`^Error reading: ${directory} \\{.*EISDIR.*\\}\n$`));
    await writeFile(file, '{"brand": ');
    assert.match((await vmadm(['create', `--file=${file}`])).stderr, /^Invalid JSON payload: .+\n$/);
    for (const text of ['[]', 'null', '5', '"x"']) {
      await writeFile(file, text);
      assert.match((await vmadm(['create', '-f', file])).stderr, /^Invalid JSON payload: .+\n$/);
    }
    await writeFile(file, PAYLOAD);
    assert.equal((await vmadm(['create', '-f', file])).stderr, `Successfully created VM ${UUID}\n`);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('an option without its value is wrong usage', async () => {
  const { status, stderr } = await vmadm(['create', '-f']);
  assert.equal(status, 2);
  assert.match(stderr, /^Option --file needs a <file>\n/);
});

test('plan prints the steps and creates nothing', async () => {
  const engine = fakeEngine();
  assert.deepEqual(await vmadm(['plan', 'create'], { engine, stdin: PAYLOAD }), { status: 0, stdout: 'clone image\nboot\n', stderr: '' });
  assert.deepEqual(await engine.list(), []);
});

test('validate says on stderr what it found', async () => {
  const valid = await vmadm(['validate', 'create'], { stdin: PAYLOAD });
  assert.deepEqual(valid, { status: 0, stdout: '', stderr: "VALID 'create' payload for joyent-minimal brand VMs.\n" });
  const invalid = await vmadm(['validate', 'create'], { stdin: JSON.stringify({ ...ZONE, quota: 'x', nonsense: 1, image_uuid: undefined }) });
  assert.equal(invalid.status, 1);
  assert.deepEqual(JSON.parse(invalid.stderr), { bad_values: ['quota'], bad_properties: ['nonsense'], missing_properties: ['image_uuid'] });
  const brand = await vmadm(['validate', 'create'], { stdin: '{"brand": "x"}' });
  assert.deepEqual([brand.status, JSON.parse(brand.stderr)], [1, { bad_brand: 'x' }]);
  const update = await vmadm(['validate', 'update', 'lx'], { stdin: '{"quota": 5}' });
  assert.equal(update.stderr, "VALID 'update' payload for lx brand VMs.\n");
  assert.deepEqual(JSON.parse((await vmadm(['validate', 'update', 'x'], { stdin: '{}' })).stderr), { bad_brand: 'x' });
});

test('validate wants an action, and for update a brand', async () => {
  const action = await vmadm(['validate']);
  assert.equal(action.status, 2);
  assert.match(action.stderr, /^Will not validate without a valid action\.\n/);
  const brand = await vmadm(['validate', 'update']);
  assert.equal(brand.status, 2);
  assert.match(brand.stderr, /^Will not validate without a valid action and brand\.\n/);
});

test('get prints JSON with two spaces', async () => {
  const { status, stdout, stderr } = await vmadm(['get', UUID], { engine: await withZone() });
  assert.deepEqual([status, stderr], [0, '']);
  const vm = JSON.parse(stdout) as { uuid: string };
  assert.equal(vm.uuid, UUID);
  assert.equal(stdout, `${JSON.stringify(vm, null, 2)}\n`);
});

test('start and stop say what they did, or that there was nothing to do', async () => {
  const engine = await withZone();
  assert.equal((await vmadm(['start', UUID], { engine })).stderr, `Successfully started VM ${UUID}\n`);
  assert.deepEqual(await vmadm(['boot', UUID], { engine }), { status: 0, stdout: '', stderr: `VM ${UUID} is already 'running'\n` });
  assert.equal((await vmadm(['reboot', UUID], { engine })).stderr, `Successfully completed reboot for VM ${UUID}\n`);
  assert.equal((await vmadm(['stop', UUID], { engine })).stderr, `Successfully completed stop for VM ${UUID}\n`);
  assert.deepEqual(await vmadm(['stop', UUID], { engine }), { status: 0, stdout: '', stderr: `VM ${UUID} is already not 'running' (currently: stopped)\n` });
  assert.equal((await vmadm(['reboot', UUID], { engine })).stderr, 'Cannot reboot vm from state "stopped", must be "running"\n');
});

test('start refuses operands that it does not know', async () => {
  for (const [operands, text] of [
    [['order=cd', 'order=c'], "You can only specify 'order' once when starting a VM"],
    [['disk=/x'], 'Parameter to disk must be: path,model'],
    [['cdrom=a,b,c'], 'Parameter to cdrom must be: path,model'],
    [['once=d'], 'Invalid argument to start: once'],
  ] as const) {
    const { status, stderr } = await vmadm(['start', UUID, ...operands], { engine: await withZone() });
    assert.equal(status, 2);
    assert.ok(stderr.startsWith(`${text}\n`));
  }
});

test('errors of start, delete and info carry their prefix', async () => {
  assert.equal((await vmadm(['start', UNKNOWN])).stderr, `Unable to start VM ${UNKNOWN}: zoneadm: ${UNKNOWN}: No such zone configured\n`);
  assert.equal((await vmadm(['delete', UNKNOWN])).stderr, `Failed to delete VM ${UNKNOWN}: zoneadm: ${UNKNOWN}: No such zone configured\n`);
  assert.equal((await vmadm(['info', UUID], { engine: await withZone() })).stderr, `Unable to get VM info for VM ${UUID}: Unable to get info for vm from state "stopped", must be "running" or "stopping".\n`);
  const kept = await withZone({ indestructible_zoneroot: true });
  assert.equal((await vmadm(['destroy', UUID], { engine: kept })).stderr, `Failed to delete VM ${UUID}: indestructible_zoneroot is set, cannot delete\n`);
});

test('delete says so', async () => {
  assert.equal((await vmadm(['delete', UUID], { engine: await withZone() })).stderr, `Successfully deleted VM ${UUID}\n`);
});

test('info takes its types in words and lists', async () => {
  const engine = await withZone();
  await engine.start(UUID);
  assert.deepEqual(JSON.parse((await vmadm(['info', UUID, 'vnc,block', 'cpus'], { engine })).stdout), { vnc: { port: 5900 } });
  await vmadm(['info', UUID], { engine });
  assert.deepEqual(engine.calls, ['info vnc,block,cpus', 'info all']);
});

test('kill takes a signal in every form', async () => {
  const engine = await withZone();
  await engine.start(UUID);
  const say = async (...args: string[]) => (await vmadm(['kill', ...args], { engine })).stderr;
  assert.equal(await say(UUID), `Sent signal "SIGTERM" to init process for VM ${UUID}\n`);
  for (const args of [['-9', UUID], ['-KILL', UUID], ['-SIGKILL', UUID], ['-s', 'KILL', UUID], [UUID, '-s', 'SIGKILL']]) {
    assert.equal(await say(...args), `Sent signal "SIGKILL" to init process for VM ${UUID}\n`);
  }
  assert.match(await say('-9', '-15', UUID), /^Unexpected args: \["15"\]\n/);
  assert.match(await say(UUID, UUID), /^Too many arguments\.\n/);
  assert.match(await say('-9'), /^Invalid or missing argument UUID\n/);
  assert.equal((await vmadm(['kill', UUID], { engine: await withZone() })).stderr, `Cannot find running init PID for VM ${UUID}\n`);
});

test('console hands the terminal over, or says why not', async () => {
  const engine = await withZone();
  assert.deepEqual(await vmadm(['console', UUID], { engine }), { status: 1, stdout: '', stderr: 'cannot connect to console when state is "stopped" must be "running".\n' });
  await engine.start(UUID);
  let connected: readonly string[] = [];
  const runInteractively = async (command: readonly string[]) => ((connected = command), 7);
  assert.equal((await vmadm(['console', UUID], { engine, options: { runInteractively } })).status, 7);
  assert.deepEqual(connected, ['console', UUID]);
});

for (const { name, load } of COMMANDS) {
  if (load) continue;
  test(`${name} says that it is not there yet`, async () => {
    assert.deepEqual(await vmadm([name, UUID]), { status: 1, stdout: '', stderr: `vmadm ${name}: this version cannot do that yet\n` });
  });
}

test('only root may do anything, and everybody may read help', async () => {
  const denied = await vmadm(['list'], { options: { isRoot: false } });
  assert.deepEqual([denied.status, denied.stderr], [2, 'FATAL: cannot run because: you are not root\n']);
  assert.equal((await vmadm(['help', 'list'], { options: { isRoot: false } })).status, 0);
});

test('a reader that stops reading is no failure', async () => {
  const stdout = brokenPipe();
  const stderr = Object.assign(brokenPipe(), { isTTY: false });
  const { status } = await vmadm(['list'], { options: { streams: { stdin: process.stdin, stdout, stderr } } });
  assert.equal(status, 0);
});

test('a mistake of ours keeps its stack', async () => {
  const openEngine = () => Promise.reject(new TypeError('a mistake'));
  await assert.rejects(vmadm(['list'], { options: { openEngine } }), { name: 'TypeError' });
});

test('the request id of the caller is handed on', async () => {
  let seen: string | undefined;
  const engine = fakeEngine();
  await vmadm(['list'], { options: { environment: { REQ_ID: 'abc' }, openEngine: async (options) => ((seen = options.requestId), engine) } });
  assert.equal(seen, 'abc');
});

test('progress is one line on a terminal that is gone in the end, and nothing elsewhere', async () => {
  const event = { operation: 'x', verb: 'create', target: UUID, step: 2, steps: 5, state: 'started', description: 'clone image' } as const;
  const engine = fakeEngine();
  const openEngine: NonNullable<Parameters<typeof vmadm>[1]>['options'] = { openEngine: async ({ onEvent }) => (onEvent(event), engine) };
  assert.equal((await vmadm(['list', '-H'], { terminals: ['stderr'], options: openEngine })).stderr, '\r\u001b[Kcreate 2/5: clone image\r\u001b[K');
  assert.equal((await vmadm(['list', '-H'], { options: openEngine })).stderr, '');
});

test('every command has help of its own, and the manual page and completion know it', async () => {
  const [page, completion] = [(await vmadm(['help', 'man'])).stdout, (await vmadm(['help', 'completion'])).stdout];
  for (const command of COMMANDS) {
    assert.match(commandHelp(command), new RegExp(`^Usage: vmadm ${command.name}`));
    assert.ok(page.includes(`\\fBvmadm\\fR \\fB${command.name.replaceAll('-', '\\-')}\\fR`), command.name);
    assert.match(completion, new RegExp(`commands='(.* )?${command.name}[ ']`));
    if (command.load) await command.load();
  }
  assert.equal((await vmadm(['create', '--help'])).stdout, (await vmadm(['help', 'create'])).stdout);
});
