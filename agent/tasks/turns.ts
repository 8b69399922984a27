/** Waiting for one's turn, first come first served. */

/** A number of places; who has one gives it back by calling what `take` resolved with. */
export interface Places {
  take(): Promise<() => void>;
}

export function newPlaces(count: number): Places {
  const waiting: Array<() => void> = [];
  let free = count;
  const leave = (): void => {
    const next = waiting.shift();
    if (next) next();
    else free++;
  };
  return {
    async take() {
      if (free > 0) free--;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      let left = false;
      return () => {
        if (!left) leave();
        left = true;
      };
    },
  };
}

/** One place per name. */
export interface Turns {
  take(name: string): Promise<() => void>;
}

export function newTurns(): Turns {
  const lines = new Map<string, { readonly places: Places; users: number }>();
  return {
    async take(name) {
      const line = lines.get(name) ?? { places: newPlaces(1), users: 0 };
      lines.set(name, line);
      line.users++;
      const leave = await line.places.take();
      let left = false;
      return () => {
        if (left) return;
        left = true;
        leave();
        if (--line.users === 0) lines.delete(name);
      };
    },
  };
}
