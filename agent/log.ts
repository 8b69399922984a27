import bunyan from 'bunyan';
import type { Writable } from 'node:stream';
import { ZonewrightError } from '../host/errors/errors.ts';

/** Facts of a line, besides its text: never metadata, payloads or keys. */
export type LogFacts = Readonly<Record<string, string | number | boolean | undefined>>;

/** The agent's log: bunyan's, one JSON object per line. */
export interface Log {
  debug(message: string, facts?: LogFacts): void;
  info(message: string, facts?: LogFacts): void;
  warn(message: string, facts?: LogFacts): void;
  /** Say what failed for an instance (`-` for none). The same failure is said once, however often a guest causes it. */
  failure(uuid: string, what: string, error: unknown): void;
  /** A log whose every line carries these facts too; `req_id` is the request that it is about. */
  child(facts: LogFacts): Log;
}

const MOST_FAILURES = 1000;
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

/** Open the log. `ZONEWRIGHT_LOG_LEVEL` sets how much is said; info unless given. */
export function newLog(output: Writable): Log {
  const wanted = process.env['ZONEWRIGHT_LOG_LEVEL'];
  const level = LEVELS.find((name) => name === wanted) ?? 'info';
  return logOn(bunyan.createLogger({ name: 'zonewright-agent', streams: [{ stream: output, level }] }), new Set());
}

function logOn(logger: bunyan, said: Set<string>): Log {
  return {
    debug: (message, facts = {}) => logger.debug(facts, '%s', message),
    info: (message, facts = {}) => logger.info(facts, '%s', message),
    warn: (message, facts = {}) => logger.warn(facts, '%s', message),
    failure(uuid, what, error) {
      const reason = reasonOf(error);
      const line = `${uuid} ${what} ${reason}`;
      if (said.has(line) || said.size >= MOST_FAILURES) return;
      said.add(line);
      logger.error({ vm_uuid: uuid }, '%s: %s', what, reason);
    },
    child: (facts) => logOn(logger.child({ ...facts }), said),
  };
}

/** What went wrong, in words that may be kept: texts of ours hold no secrets; what others say may quote a guest's metadata. */
export function reasonOf(error: unknown): string {
  if (error instanceof ZonewrightError) return `${error.code}: ${error.message}`;
  if (!(error instanceof Error)) return 'unknown error';
  const where = /\n +at (.*)/.exec(error.stack ?? '')?.[1];
  return [error.name, 'code' in error ? String(error.code) : undefined, where].filter((part) => part !== undefined).join(' ');
}
