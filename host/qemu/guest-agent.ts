/**
 * QEMU's guest agent: a program in the guest that answers questions over a virtio port, one JSON object per line. It is the
 * guest's, so whatever it says is held to bounds and to nothing more than text.
 */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostErrors } from '../errors/host-errors.ts';
import { connectGuestSocket } from './guest-socket.ts';

/** Asks one question. @throws GuestAgentFailed with the guest's own words, or when it does not answer in time */
export type AskGuest = (command: string, args?: Readonly<Record<string, unknown>>) => Promise<unknown>;

const SECONDS = 10;
const MOST_BYTES = 1024 * 1024;

/**
 * Talk to the agent of a running machine. A guest whose agent does not run says nothing, so whether it does is better asked
 * of QEMU first (`query-chardev`).
 * @param path the machine's guest agent socket
 * @throws GuestAgentFailed
 */
export async function withGuestAgent<Result>(path: string, work: (ask: AskGuest) => Promise<Result>, seconds = SECONDS): Promise<Result> {
  const socket = await connectGuestSocket(path);
  const deadline = new AbortController();
  void sleep(seconds * 1000, undefined, { signal: deadline.signal, ref: false }).then(
    () => socket.destroy(hostErrors.GuestAgentFailed({ command: 'answer', reason: `it said nothing within ${seconds} s` })),
    () => undefined,
  );
  try {
    const lines = linesOf(socket);
    await synchronise(socket, lines);
    return await work((command, args) => ask(socket, lines, { command, args }));
  } finally {
    deadline.abort();
    socket.destroy();
  }
}

/** Tell the agent to shut its guest down. It has no answer to that. @throws GuestAgentFailed */
export async function shutDownGuest(path: string): Promise<void> {
  const socket = await connectGuestSocket(path);
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.write(afresh('guest-shutdown', { mode: 'powerdown' }), () => resolve()));
  // What is written is QEMU's to deliver, which it stops doing when we hang up.
  await Promise.race([sleep(DELIVERY_MILLISECONDS), new Promise((resolve) => socket.once('close', resolve))]);
  socket.destroy();
}

const DELIVERY_MILLISECONDS = 2000;

type Lines = AsyncGenerator<string, void>;

/** An answer to somebody who hung up may still lie there: everything before the answer to this very question is not ours. */
async function synchronise(socket: Socket, lines: Lines): Promise<void> {
  const id = Math.floor(Math.random() * 2 ** 31);
  socket.write(afresh('guest-sync-delimited', { id }));
  for (;;) if (answerIn(await next(lines, 'guest-sync-delimited'))?.['return'] === id) return;
}

async function ask(socket: Socket, lines: Lines, { command, args }: { readonly command: string; readonly args: Readonly<Record<string, unknown>> | undefined }): Promise<unknown> {
  socket.write(encode(command, args));
  const answer = answerIn(await next(lines, command));
  if (answer && 'return' in answer) return answer['return'];
  const description = (answer?.['error'] as { desc?: unknown } | undefined)?.desc;
  throw hostErrors.GuestAgentFailed({ command, reason: typeof description === 'string' ? description.replace(/[^\x20-\x7e]/g, '?').slice(0, 200) : 'its answer is none' });
}

/** The byte 0xff, which no text has, makes the agent forget what somebody else left half-said. */
function afresh(command: string, args: Readonly<Record<string, unknown>>): Buffer {
  return Buffer.concat([Buffer.from([0xff]), Buffer.from(encode(command, args))]);
}

function encode(command: string, args?: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ execute: command, ...(args ? { arguments: args } : {}) })}\n`;
}

async function next(lines: Lines, command: string): Promise<string> {
  const { value } = await lines.next();
  if (value === undefined) throw hostErrors.GuestAgentFailed({ command, reason: 'it hung up' });
  return value;
}

async function* linesOf(socket: Socket): Lines {
  let held = '';
  socket.setEncoding('latin1');
  for await (const chunk of socket as AsyncIterable<string>) {
    held += chunk;
    const lines = held.split('\n');
    held = lines.pop() ?? '';
    if (held.length > MOST_BYTES) throw hostErrors.GuestAgentFailed({ command: 'answer', reason: 'its answer is too long' });
    yield* lines;
  }
}

/** The same byte tells where an answer begins. */
function answerIn(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(line.slice(line.lastIndexOf('\xff') + 1), 'latin1').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
