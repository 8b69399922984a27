import type { TestEvent } from 'node:test/reporters';

/** What a run of tests came to. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Files in which a test failed. */
  readonly failedFiles?: readonly string[];
}

/** A reporter for `node --test` whose whole output is the counts of the run, as JSON. */
export async function* countTests(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const failedFiles = new Set<string>();
  for await (const { type, data } of events) {
    if (type === 'test:fail' && data.file !== undefined) failedFiles.add(data.file);
    if (type !== 'test:summary' || data.file !== undefined) continue;
    const { passed, skipped, todo, tests } = data.counts;
    yield JSON.stringify({ passed, failed: tests - passed - skipped - todo, skipped: skipped + todo, failedFiles: [...failedFiles] } satisfies Counts);
  }
}
