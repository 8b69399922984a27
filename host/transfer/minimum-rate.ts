import type { Readable } from 'node:stream';

/** What the other end of a transfer has to keep up: this many bytes in each stretch of this many seconds. */
export interface MinimumRate {
  readonly bytes: number;
  readonly seconds: number;
}

/** About 1 KiB a second: any line that works is faster, and one that trickles to hold us up is not. */
export const MINIMUM_RATE: MinimumRate = { bytes: 60 * 1024, seconds: 60 };

/**
 * The chunks of a stream, which is destroyed when it gets too slow. The clock stands still while the consumer works on
 * a chunk: only the other end is judged.
 * @param tooSlow makes the error that is thrown then.
 */
export async function* chunksAtRate(stream: Readable, rate: MinimumRate, tooSlow: (rate: MinimumRate) => Error): AsyncGenerator<Buffer> {
  let received = 0;
  let spent = 0;
  let waitingSince: number | undefined;
  const judge = setInterval(() => {
    const waiting = waitingSince === undefined ? 0 : performance.now() - waitingSince;
    if (spent + waiting < rate.seconds * 1000) return;
    if (received < rate.bytes) stream.destroy(tooSlow(rate));
    received = 0;
    spent = 0;
    if (waitingSince !== undefined) waitingSince = performance.now();
  }, Math.max(50, (rate.seconds * 1000) / 10));
  try {
    waitingSince = performance.now();
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      spent += performance.now() - waitingSince;
      waitingSince = undefined;
      received += chunk.length;
      yield chunk;
      waitingSince = performance.now();
    }
  } finally {
    clearInterval(judge);
  }
}
