/**
 * Work that must come one after the other anyhow, since it takes the same row of the database: within a process it waits here, where
 * waiting takes no connection to the database from others.
 */
export interface Turns {
  /** Do work when all work of the same key that was asked for before has ended, well or not. */
  take<Result>(key: string, work: () => Promise<Result>): Promise<Result>;
}

export function newTurns(): Turns {
  const last = new Map<string, Promise<unknown>>();
  return {
    async take(key, work) {
      const mine = (last.get(key) ?? Promise.resolve()).then(work, work);
      last.set(key, mine);
      try {
        return await mine;
      } finally {
        if (last.get(key) === mine) last.delete(key);
      }
    },
  };
}
