/** `zonewright head` as a person runs it, with nothing else installed. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { decodeJoinToken } from '../../../agent/wire/index.ts';
import { ask, until } from '../support/head.ts';

const PROGRAM = join(import.meta.dirname, '../../../bin/zonewright.ts');

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe('zonewright head', { timeout: 300_000 }, () => {
  let directory: string;
  let head: ChildProcess;
  let said = '';

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'zonewright-head-'));
    head = spawn(process.execPath, [PROGRAM, 'head', '--data', directory, '--admin', '127.0.0.1:0', '--internal', '127.0.0.1:0', '--cloudapi', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'ignore'] });
    head.stdout?.on('data', (text: Buffer) => (said += text.toString()));
    await until(() => /CloudAPI .*\n/.test(said) || head.exitCode !== null);
  });
  after(async () => {
    head.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  });
  const zonewright = async (...args: string[]): Promise<Result> => {
    const child = spawn(process.execPath, [PROGRAM, 'head', ...args, '--data', directory]);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
    child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, stdout, stderr };
  };

  it('says where it listens, and answers there', async () => {
    const url = /internal {2}(\S+)/.exec(said)?.[1] ?? '';
    assert.deepEqual((await ask(`${url}/ping`, 'GET')).status, 200);
    assert.match(said, /nodes {5}https:\/\/127\.0\.0\.1:[1-9]/);
  });

  it('makes join tokens, on its socket that is root’s alone', async () => {
    const { code, stdout, stderr } = await zonewright('token', '--ttl', '15m');
    assert.equal(code, 0, stderr);
    assert.match(decodeJoinToken(stdout)?.url ?? '', /^https:\/\/127\.0\.0\.1:[1-9]/);
    assert.equal((await stat(join(directory, 'run'))).mode & 0o777, 0o700);
    assert.equal((await stat(join(directory, 'run/head.sock'))).mode & 0o777, 0o600);
    assert.equal((await stat(join(directory, 'seal.key'))).mode & 0o777, 0o600);
  });

  it('tells how it is', async () => {
    const { code, stdout } = await zonewright('status', '--json');
    assert.equal(code, 0);
    assert.deepEqual((JSON.parse(stdout) as { database: string; servers: unknown[] }).servers, []);
    assert.match((await zonewright('status')).stdout, /its database is pglite/);
  });

  it('shows a unit that keeps it running', async () => {
    const { code, stdout } = await zonewright('install', '--print');
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^ExecStart=/\\S+/bin/zonewright head run --data ${directory}$`, 'm'));
  });

  it('refuses what it cannot do, and says what', async () => {
    const cases: ReadonlyArray<readonly [args: string[], code: number, stderr: RegExp]> = [
      [['token', '--ttl', 'soon'], 1, /--ttl "soon" is not a time/],
      [['revoke', 'nobody'], 1, /must be a fingerprint or a server uuid/],
      [['revoke', '4a1d7f0e-52a1-4b7e-9f5c-3f2a8f2f6b11'], 1, /certificate 4a1d7f0e-\S+ was not found/],
      [['revoke'], 2, /too few arguments/],
      [['fly'], 2, /unknown command "fly"/],
      [['run', '--admin', 'everywhere'], 2, /--admin .*"everywhere" is not an address/],
      [['run', '--internal', '10.0.0.1'], 2, /internal.address must be a loopback address/],
      [['run', '--cloudapi', '10.0.0.1'], 2, /cloudapi needs certificate and key/],
    ];
    for (const [args, code, stderr] of cases) {
      const result = await zonewright(...args);
      assert.equal(result.code, code, `${args.join(' ')}: ${result.stderr}`);
      assert.match(result.stderr, stderr);
    }
    // Nothing of that became part of the configuration.
    assert.equal((JSON.parse(await readFile(join(directory, 'config.json'), 'utf8')) as { admin: { address: string } }).admin.address, '127.0.0.1');
  });

  it('does not start a second time on an embedded database', async () => {
    const { code, stderr } = await zonewright('run');
    assert.equal(code, 2);
    assert.match(stderr, /is open in another process/);
  });

  it('ends when it is told to, and says that nothing answers then', async () => {
    head.kill('SIGTERM');
    const [code] = (await once(head, 'exit')) as [number | null];
    assert.equal(code, 0);
    const { code: status, stderr } = await zonewright('status');
    assert.equal(status, 1);
    assert.match(stderr, /no head process answers in/);
  });

  it('does not start with a configuration that is not one', async () => {
    await writeFile(join(directory, 'config.json'), '{"admin": {"address": "x"}, "colour": "red"}');
    const { code, stderr } = await zonewright('run');
    assert.equal(code, 2);
    assert.match(stderr, /admin.address must be an IP address/);
  });
});
