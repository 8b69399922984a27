import { ZonewrightError } from '../../host/errors/errors.ts';

/** Says one line, to whoever looks at the console or the journal. */
export type Say = (line: string) => void;

/** What a boot is made of. Each part tells what came of it, and a part that fails does not take the next ones with it. */
export interface Story {
  /** Do a part; its result, or undefined when it failed. Text that it returns is told. */
  part<Result>(name: string, act: () => Promise<Result>): Promise<Result | undefined>;
  /** Do a part without which nothing else makes sense: what it throws is told and thrown on. */
  must<Result>(name: string, act: () => Promise<Result>): Promise<Result>;
  /** A line of a part while it is being done. */
  say(name: string, line: string): void;
  readonly failures: readonly string[];
}

const NAME_WIDTH = 15;

/** Begin to tell. */
export function tellStory(say: Say): Story {
  const failures: string[] = [];
  const tell = (name: string, line: string): void => say(`${name.padEnd(NAME_WIDTH)} ${line}`);
  const must = async <Result>(name: string, act: () => Promise<Result>): Promise<Result> => {
    try {
      const result = await act();
      if (typeof result === 'string') tell(name, result);
      return result;
    } catch (error) {
      failures.push(name);
      for (const line of linesOf(error)) tell(name, line);
      throw error;
    }
  };
  return {
    must,
    part: (name, act) => must(name, act).catch(() => undefined),
    say: tell,
    failures,
  };
}

/** A user's error as it is meant to be read; a mistake of ours with where it happened. */
function linesOf(error: unknown): string[] {
  if (error instanceof ZonewrightError) return [`FAILED: ${error.message}`, ...error.details, ...(error.hint === undefined ? [] : [error.hint])];
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `FAILED: ${text}`.split('\n');
}
