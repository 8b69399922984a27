import { runCaptured } from '../host/run/captured.ts';

export interface Lanes {
  /** How many run at a time. */
  readonly count: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Asked before each further start: Ctrl-C ends the row. Those that run get it from the terminal themselves. */
  isOver(): boolean;
}

/**
 * Run programs, some at a time; what each prints comes as a whole when it has ended, so that lines of two are never mixed.
 * @param programs by the name of what each is for
 * @returns exit status by name; those that were never started are left out
 */
export async function runInLanes(programs: ReadonlyMap<string, readonly [string, ...string[]]>, { count, environment, isOver }: Lanes): Promise<Map<string, number>> {
  const waiting = [...programs];
  const ended = new Map<string, number>();
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && !isOver(); next = waiting.shift()) {
      const [name, argv] = next;
      const { status, output } = await runCaptured(argv, environment);
      process.stdout.write(output);
      ended.set(name, status);
    }
  };
  await Promise.all(Array.from({ length: count }, lane));
  return ended;
}
