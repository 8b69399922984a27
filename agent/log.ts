import { hostname } from 'node:os';
import type { Writable } from 'node:stream';
import { ZonewrightError } from '../host/errors/errors.ts';

/** The agent's log, in bunyan's form: one JSON object per line. */
export interface Log {
  info(message: string): void;
  /** Say what failed for an instance. The same failure is said once, however often a guest causes it. */
  failure(uuid: string, what: string, error: unknown): void;
}

const INFO = 30;
const ERROR = 50;
const MOST_FAILURES = 1000;

export function newLog(output: Writable): Log {
  const said = new Set<string>();
  const write = (level: number, msg: string, facts: Readonly<Record<string, string>> = {}): void => {
    output.write(`${JSON.stringify({ name: 'zonewright-agent', hostname: hostname(), pid: process.pid, level, ...facts, msg, time: new Date().toISOString(), v: 0 })}\n`);
  };
  return {
    info: (message) => write(INFO, message),
    failure(uuid, what, error) {
      const reason = reasonOf(error);
      const line = `${uuid} ${what} ${reason}`;
      if (said.has(line) || said.size >= MOST_FAILURES) return;
      said.add(line);
      write(ERROR, `${what}: ${reason}`, { vm_uuid: uuid });
    },
  };
}

/** Texts of ours hold no secrets; what others say may quote a guest's metadata. */
function reasonOf(error: unknown): string {
  if (error instanceof ZonewrightError) return `${error.code}: ${error.message}`;
  if (!(error instanceof Error)) return 'unknown error';
  const where = /\n +at (.*)/.exec(error.stack ?? '')?.[1];
  return [error.name, 'code' in error ? String(error.code) : undefined, where].filter((part) => part !== undefined).join(' ');
}
