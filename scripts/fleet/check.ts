import { until } from './head-host.ts';

/** What a run of the fleet saw: each check is said as it is made. */
export interface Checks {
  /** A line about what happens now. */
  tell(text: string): void;
  /** Something that must come to be so. @throws Error when it does not within the seconds */
  see(what: string, isSo: () => Promise<boolean>, seconds?: number): Promise<void>;
  readonly count: number;
}

const PATIENCE_SECONDS = 120;

/** @param print is told each line */
export function newChecks(print: (line: string) => void): Checks {
  let count = 0;
  return {
    tell: (text) => print(text),
    async see(what, isSo, seconds = PATIENCE_SECONDS) {
      await until(what, seconds, isSo);
      count++;
      print(`  ok  ${what}`);
    },
    get count() {
      return count;
    },
  };
}
