import type { Duplex } from 'node:stream';
import { answerLine, encodeFrame, type MetadataStore } from './conversation.ts';
import { METADATA_LIMITS } from './keys.ts';
import { newPace, type Pace } from './pace.ts';

/** Bounds of what one guest can make the service do. */
export interface StreamLimits {
  /** A line longer than this is never kept: what follows up to its end is thrown away as it comes. */
  readonly lineBytes: number;
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
  /** An answer costs more than what is only read to be thrown away. */
  readonly answerBytesPerSecond: number;
}

/** The pace of one guest, which all its connections share. */
export interface GuestPace {
  readonly requests: Pace;
  readonly bytes: Pace;
  readonly answerBytes: Pace;
}

/** A PUT carries key and value in base64 twice over. */
const DEFAULT_LIMITS: StreamLimits = {
  lineBytes: Math.ceil((METADATA_LIMITS.valueBytes + METADATA_LIMITS.keyBytes) * (16 / 9)) + 256,
  requestsPerSecond: 200,
  bytesPerSecond: 128 * 1024 * 1024,
  answerBytesPerSecond: 16 * 1024 * 1024,
};

/** A pace for one guest. */
export function newGuestPace(limits: StreamLimits = DEFAULT_LIMITS): GuestPace {
  return { requests: newPace(limits.requestsPerSecond), bytes: newPace(limits.bytesPerSecond), answerBytes: newPace(limits.answerBytesPerSecond) };
}

/**
 * Serve one guest on its socket or serial line until that ends. Requests are answered one after another, so a guest that
 * floods waits for itself: the stream is not read while an answer is on its way.
 */
export async function serveStream(stream: Duplex, store: MetadataStore, pace: GuestPace = newGuestPace(), limits: StreamLimits = DEFAULT_LIMITS): Promise<void> {
  let terminalUntil = 0;
  const onTerminal = (): void => void (terminalUntil = performance.now() + TERMINAL_MILLISECONDS);
  for await (const line of linesOf(stream, limits.lineBytes, { pace: pace.bytes, onTerminal })) {
    if (performance.now() < terminalUntil && !COMMAND.test(line.text)) continue;
    await pace.requests();
    const answer = line.whole ? await answerLine(line.text, store) : refusalOf(line.text);
    if (answer === undefined) continue;
    await pace.answerBytes(answer.length);
    if (!(await send(stream, answer))) return;
  }
}

interface Line {
  readonly text: string;
  /** Whether this is the line, or only the beginning of one that was too long. */
  readonly whole: boolean;
}

/**
 * UEFI firmware and boot loaders write to every serial port as to a terminal, and take what we answer for keys that
 * somebody pressed. So for a while after an escape sequence only what is a request gets an answer.
 */
const ESCAPE = 0x1b;
const TERMINAL_MILLISECONDS = 3000;
const COMMAND = /^(GET|PUT|KEYS|DELETE|NEGOTIATE|V2)\b/;

/** Enough of a line that is too long to see whose request it was. */
const KEPT_OF_LONG_LINE = 128;

interface Reading {
  readonly pace: Pace;
  onTerminal(): void;
}

async function* linesOf(stream: Duplex, most: number, { pace, onTerminal }: Reading): AsyncGenerator<Line> {
  let held: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    await pace(chunk.length);
    if (chunk.includes(ESCAPE)) onTerminal();
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const last = rest.subarray(0, end);
      rest = rest.subarray(end + 1);
      const whole = bytes + last.length <= most;
      const text = Buffer.concat(whole ? [...held, last] : held.length > 0 ? held : [last]).subarray(0, whole ? most : KEPT_OF_LONG_LINE);
      held = [];
      bytes = 0;
      yield { text: text.toString('utf8').replace(/\r$/, ''), whole };
    }
    bytes += rest.length;
    if (bytes <= most) held.push(Buffer.from(rest));
    else held = [Buffer.concat([...held, rest.subarray(0, KEPT_OF_LONG_LINE)]).subarray(0, KEPT_OF_LONG_LINE)];
  }
}

/** The guest is told, rather than left to time out, when its request can still be recognised. */
function refusalOf(beginning: string): string | undefined {
  const id = /^V2 \d+ [0-9a-f]{8} ([0-9a-f]{1,8}) /.exec(beginning)?.[1];
  const text = Buffer.from(`A value has at most ${METADATA_LIMITS.valueBytes} bytes.`).toString('base64');
  return id === undefined ? 'invalid command\n' : encodeFrame(`${id} FAILURE ${text}`);
}

async function send(stream: Duplex, answer: string): Promise<boolean> {
  if (stream.destroyed || !stream.writable) return false;
  if (stream.write(answer)) return true;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    stream.once('drain', done).once('close', done);
  });
  return !stream.destroyed;
}
