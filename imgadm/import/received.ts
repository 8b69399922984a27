/** What of a file has come so far, and whether it is what its manifest promises. */
import { createHash, type Hash } from 'node:crypto';

export interface Expectation {
  readonly size: number;
  readonly sha1: string;
  readonly sha256: string | undefined;
}

/** What is there, and its digests as far as it goes: those that are expected, since each costs as much as all the rest. */
export interface Received {
  length: number;
  sha1: Hash;
  sha256: Hash | undefined;
}

/** Before the first byte. */
export function nothingYet({ sha256 }: Expectation): Received {
  return { length: 0, sha1: createHash('sha1'), sha256: sha256 === undefined ? undefined : createHash('sha256') };
}

/** Take more bytes into account. */
export function count(received: Received, chunk: Buffer): void {
  received.length += chunk.length;
  received.sha1.update(chunk);
  received.sha256?.update(chunk);
}

export interface Difference {
  readonly what: string;
  readonly expected: string | number;
  readonly actual: string | number;
}

/** What does not match, undefined when all does. */
export function differenceOf(expected: Expectation, received: Received): Difference | undefined {
  for (const algorithm of ['sha1', 'sha256'] as const) {
    const actual = received[algorithm]?.copy().digest('hex');
    if (actual !== undefined && expected[algorithm] !== undefined && expected[algorithm] !== actual) return { what: algorithm, expected: expected[algorithm], actual };
  }
  return undefined;
}
