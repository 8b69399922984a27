import type { Figure } from './figure.ts';
import type { Calibration } from './noise.ts';

/** One run of the benchmark. */
export interface Session {
  /** Rounds that count, instead of a part's own number. */
  readonly rounds: number | undefined;
  /** Sizes and rounds for a look instead of a judgement. */
  readonly quick: boolean;
  /** For parts that are measured at several scales: which. */
  readonly scales: readonly number[];
  /** Whether the head node is measured with PostgreSQL, as one of any size has it, instead of PGlite. */
  readonly postgres: boolean;
  readonly calibrations: Calibration[];
  readonly figures: Figure[];
  /** A line that the next one may replace. */
  progress(line: string): void;
  /** Said once, below the table: what was left out, and why. */
  remark(line: string): void;
  /** Done at the end, last first, however it comes. */
  onEnd(work: () => Promise<unknown>): void;
}

/** How many rounds a part is measured for. */
export function roundsOf(session: Session, usual: number): number {
  return session.rounds ?? (session.quick ? 2 : usual);
}

/** Do a piece of the work, and whatever it asked for at its end, however it ends. @throws what the work throws, or else the first that an ending did */
export async function scoped(session: Session, work: (session: Session) => Promise<void>): Promise<void> {
  const endings: Array<() => Promise<unknown>> = [];
  const failures: unknown[] = [];
  await work({ ...session, onEnd: (ending) => void endings.unshift(ending) }).catch((error: unknown) => failures.push(error));
  for (const ending of endings) await ending().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
