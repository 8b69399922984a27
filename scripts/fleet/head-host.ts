import { setTimeout as sleep } from 'node:timers/promises';
import { ZonewrightError } from '../../host/errors/errors.ts';
import type { Launched } from '../../host/run/launch.ts';
import type { Host, Shell } from './hosts.ts';

export interface ServerStatus {
  readonly uuid: string;
  readonly hostname: string;
  readonly status: string;
}

/** The fleet's head node: a process on its host, and what an operator does there. */
export interface Head {
  readonly host: Shell;
  start(): Promise<void>;
  /** End it at once: its process, or its power. */
  kill(): Promise<void>;
  /** `zonewright head <args>`: what it prints. */
  command(...args: readonly string[]): Promise<string>;
  servers(): Promise<readonly ServerStatus[]>;
  /** An answer of the APIs on the head's loopback. */
  api<Body>(path: string): Promise<Body>;
}

export const CLOUDAPI = 'http://127.0.0.1:8090';
export const INTERNAL = 'http://127.0.0.1:8080';
const START_SECONDS = 120;

/** The head on its host; it does not run yet. */
export function headOn(host: Host): Head {
  let process: Launched | undefined;
  const command = async (...args: readonly string[]): Promise<string> => (await host.run(['bin/zonewright', 'head', ...args])).stdout.trim();
  return {
    host,
    command,
    async start() {
      process = await host.launch('head', ['bin/zonewright', 'head', 'run', '--admin', host.address]);
      await until(`the head answers (see ${host.directory}/head.log)`, START_SECONDS, () => answers(() => command('status')));
    },
    async kill() {
      await process?.kill();
    },
    servers: async () => (JSON.parse(await command('status', '--json')) as { servers: ServerStatus[] }).servers,
    api: (path) => apiOn(host, path),
  };
}

/** An answer of the APIs that a head has on its loopback. */
export async function apiOn<Body>(host: Shell, path: string): Promise<Body> {
  const { stdout } = await host.run(['curl', '--silent', '--show-error', '--fail', '--max-time', '30', `${INTERNAL}${path}`]);
  return JSON.parse(stdout) as Body;
}

const LONGEST_PAUSE_MILLISECONDS = 5000;

/** Wait until something is so. Who answers slowly is asked seldom: asking takes from what is waited for. @throws Error that says what was waited for */
export async function until(what: string, seconds: number, isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + seconds * 1000; Date.now() < deadline; ) {
    const asked = Date.now();
    if (await isSo()) return;
    await sleep(Math.min(Math.max(300, 3 * (Date.now() - asked)), LONGEST_PAUSE_MILLISECONDS));
  }
  throw new Error(`waited ${seconds} seconds in vain: ${what}`);
}

/** Whether a command succeeds. */
export function answers(ask: () => Promise<unknown>): Promise<boolean> {
  return says(async () => {
    await ask();
    return true;
  });
}

/** Whether something is so; not, while whoever is asked cannot say. */
export async function says(isSo: () => Promise<boolean>): Promise<boolean> {
  try {
    return await isSo();
  } catch (error) {
    if (error instanceof ZonewrightError) return false;
    throw error;
  }
}
