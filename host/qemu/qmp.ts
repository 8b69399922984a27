/**
 * QMP, the machine protocol of QEMU: one JSON object per line over a unix socket. A socket serves one client at a time,
 * so a machine has one for its supervisor and one for everyone else's short visits.
 */
import type { Socket } from 'node:net';
import { hostErrors } from '../errors/host-errors.ts';
import { connectGuestSocket } from './guest-socket.ts';

/** Something that QEMU says by itself: `SHUTDOWN`, `RESET`, `STOP` … */
export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Qmp {
  /** Run a command. @throws QmpFailed with QEMU's own description, or when the connection ends first */
  execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** Resolves when the connection has ended, whoever ended it. */
  readonly closed: Promise<void>;
  close(): void;
}

export interface QmpOptions {
  /** Seconds until QEMU must have greeted, and until it must have answered each command. Default 10. */
  readonly seconds?: number;
  onEvent?(event: QmpEvent): void;
}

/** Answers are small; a QEMU that a guest took over must not fill our memory. */
const MAX_LINE = 4 * 1024 * 1024;

/** Connect to a machine's QMP socket and agree on capabilities. @throws QmpFailed */
export async function connectQmp(path: string, options: QmpOptions = {}): Promise<Qmp> {
  const session = new Session(await connectGuestSocket(path), (options.seconds ?? 10) * 1000, options.onEvent);
  await session.greeting;
  await session.execute('qmp_capabilities');
  return session;
}

/** Run a few commands on a connection of their own. @throws QmpFailed */
export async function withQmp<Result>(path: string, work: (qmp: Qmp) => Promise<Result>, options: QmpOptions = {}): Promise<Result> {
  const qmp = await connectQmp(path, options);
  try {
    return await work(qmp);
  } finally {
    qmp.close();
  }
}

interface Waiting {
  readonly command: string;
  resolve(value: unknown): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

/** One connection. A class because it is a resource with a state that lasts. */
class Session implements Qmp {
  readonly greeting: Promise<void>;
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #milliseconds: number;
  readonly #onEvent: ((event: QmpEvent) => void) | undefined;
  readonly #waiting = new Map<number, Waiting>();
  readonly #greeted = Promise.withResolvers<void>();
  #next = 1;
  #buffer = '';

  constructor(socket: Socket, milliseconds: number, onEvent?: (event: QmpEvent) => void) {
    this.#socket = socket;
    this.#milliseconds = milliseconds;
    this.#onEvent = onEvent;
    const timer = setTimeout(() => socket.destroy(failed('connect', 'it did not greet in time')), milliseconds);
    this.greeting = this.#greeted.promise.finally(() => clearTimeout(timer));
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#receive(text));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(failed('connection', 'it was closed')));
  }

  execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (this.#socket.destroyed) return Promise.reject(failed(command, 'the connection is closed'));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(failed(command, `no answer within ${this.#milliseconds / 1000} s`));
      }, this.#milliseconds);
      this.#waiting.set(id, { command, resolve, reject, timer });
      this.#socket.write(`${JSON.stringify({ execute: command, ...(args ? { arguments: args } : {}), id })}\n`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(text: string): void {
    this.#buffer += text;
    const lines = this.#buffer.split('\n');
    this.#buffer = lines.pop() ?? '';
    if (this.#buffer.length > MAX_LINE) return void this.#socket.destroy(failed('connection', 'a line is longer than any answer'));
    for (const line of lines.filter((one) => one.trim() !== '')) this.#take(line);
  }

  #take(line: string): void {
    const message = parse(line);
    if (!message) return void this.#socket.destroy(failed('connection', 'it does not speak JSON'));
    if ('QMP' in message) return this.#greeted.resolve();
    if (typeof message['event'] === 'string') return this.#onEvent?.({ event: message['event'], data: (message['data'] ?? {}) as QmpEvent['data'] });
    const waiting = this.#waiting.get(message['id'] as number);
    if (!waiting) return;
    this.#waiting.delete(message['id'] as number);
    clearTimeout(waiting.timer);
    const error = message['error'] as { desc?: string } | undefined;
    if (error) waiting.reject(failed(waiting.command, error.desc ?? 'it gave no reason'));
    else waiting.resolve(message['return']);
  }

  #end(error: Error): void {
    this.#greeted.reject(error);
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(failed(waiting.command, error.message));
    }
    this.#waiting.clear();
  }
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function failed(command: string, reason: string): Error {
  return hostErrors.QmpFailed({ command, reason });
}
