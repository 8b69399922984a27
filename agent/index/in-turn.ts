/** Work by name: never two at a time for one name, and one more round when something came up meanwhile. */
export interface InTurn {
  /** Do the work for a name, now or after the round that runs. */
  touch(name: string): void;
  /** Resolves when all that was asked for before is done. */
  settled(): Promise<void>;
}

/** @param work never rejects. */
export function inTurn(work: (name: string) => Promise<void>): InTurn {
  const wanted = new Set<string>();
  const working = new Map<string, Promise<void>>();

  async function rounds(name: string): Promise<void> {
    while (wanted.delete(name)) await work(name);
    working.delete(name);
  }

  return {
    touch(name) {
      wanted.add(name);
      if (!working.has(name)) working.set(name, Promise.resolve().then(() => rounds(name)));
    },
    async settled() {
      await Promise.all(working.values());
    },
  };
}
