/** A pause that somebody may cut short. */
export interface Nap {
  /** Resolves after so many milliseconds, when it is woken, or when the signal is aborted. */
  take(milliseconds: number): Promise<void>;
  wake(): void;
}

/** One nap is taken at a time. */
export function newNap(signal: AbortSignal): Nap {
  let wake = (): void => undefined;
  signal.addEventListener('abort', () => wake(), { once: true });
  return {
    take(milliseconds) {
      if (signal.aborted || milliseconds <= 0) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = setTimeout(end, milliseconds);
        wake = end;
        function end(): void {
          clearTimeout(timer);
          wake = () => undefined;
          resolve();
        }
      });
    },
    wake: () => wake(),
  };
}
