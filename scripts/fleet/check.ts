import { until } from './head-host.ts';

/** What a run of the fleet saw: each check is said as it is made, with the minutes and seconds since the beginning. */
export interface Checks {
  /** A line about what happens now. */
  tell(text: string): void;
  /** What is looked at next. */
  stage(title: string): void;
  /** Something that must come to be so. @throws Error when it does not within the seconds */
  see(what: string, isSo: () => Promise<boolean>, seconds?: number): Promise<void>;
  readonly count: number;
}

const PATIENCE_SECONDS = 120;

/** @param print is told each line */
export function newChecks(print: (line: string) => void): Checks {
  let count = 0;
  const began = Date.now();
  const time = (): string => {
    const seconds = Math.round((Date.now() - began) / 1000);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  };
  return {
    tell: (text) => print(text),
    stage(title) {
      print(`\n== ${title}   (${time()})`);
    },
    async see(what, isSo, seconds = PATIENCE_SECONDS) {
      await until(what, seconds, isSo);
      count++;
      print(`  ok  ${time().padStart(5)}  ${what}`);
    },
    get count() {
      return count;
    },
  };
}
