import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { launch } from '../../host/run/launch.ts';
import { openSimulatedAgent, type SimulatedAgent } from './agent.ts';

/** A head process of its own, and the agents that have joined it. */
export interface Fleet {
  /** The head process, for its figures in /proc. */
  readonly pid: number;
  readonly agents: SimulatedAgent[];
  /** Called with what each message of an agent took. */
  onSpoken: (path: string, milliseconds: number) => void;
  /** Ask the head as an operator. */
  ask<Result>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Result>;
  /** Let one more agent join. */
  join(): Promise<void>;
  close(): Promise<void>;
}

const PROGRAM = join(import.meta.dirname, '..', '..', 'bin', 'zonewright.ts');
const START_MILLISECONDS = 120_000;

export async function openFleet({ postgres }: { readonly postgres: boolean }): Promise<Fleet> {
  const directory = await mkdtemp(join(tmpdir(), 'zonewright-simulation-'));
  // PostgreSQL runs as a user of its own, who has to come through.
  if (postgres) await chmod(directory, 0o711);
  const outputPath = join(directory, 'output');
  const output = await open(outputPath, 'a', 0o600);
  const free = ['--admin', '--internal', '--cloudapi'].flatMap((option) => [option, '127.0.0.1:0']);
  const head = await launch([process.execPath, PROGRAM, 'head', '--data', join(directory, 'head'), ...free, ...(postgres ? ['--postgres'] : [])], { log: output.fd });
  await output.close();
  const close = async (): Promise<void> => {
    await Promise.all(fleet.agents.map((agent) => agent.close()));
    process.kill(head.pid, 'SIGTERM');
    await head.ended;
    await rm(directory, { recursive: true, force: true });
  };
  const fleet: Fleet = {
    pid: head.pid,
    agents: [],
    onSpoken: () => undefined,
    async ask<Result>(method: 'GET' | 'POST', path: string, body?: unknown) {
      const response = await request(`${url}${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }) });
      const text = await response.body.text();
      if (response.statusCode >= 400) throw new Error(`${method} ${path}: ${response.statusCode} ${text}`);
      return (text === '' ? undefined : JSON.parse(text)) as Result;
    },
    async join() {
      const { token } = await fleet.ask<{ token: string }>('POST', '/tokens', {});
      fleet.agents.push(await openSimulatedAgent({ uuid: randomUUID(), token, onSpoken: (path, milliseconds) => fleet.onSpoken(path, milliseconds) }));
    },
    close,
  };
  let hasEnded = false;
  void head.ended.then(() => (hasEnded = true));
  const url = await internalUrl(outputPath, () => hasEnded).catch(async (error: unknown) => {
    if (!hasEnded) await close();
    throw error;
  });
  return fleet;
}

/** The head says where it listens when it does. */
async function internalUrl(outputPath: string, hasEnded: () => boolean): Promise<string> {
  const deadline = Date.now() + START_MILLISECONDS;
  for (;;) {
    const text = await readFile(outputPath, 'utf8');
    const url = /internal {2}(http:\S+)\n.*\n.*CloudAPI/.exec(text)?.[1];
    if (url !== undefined) return url;
    if (hasEnded() || Date.now() > deadline) throw new Error(`the head process did not start:\n${text.slice(-2000)}`);
    await sleep(100);
  }
}
