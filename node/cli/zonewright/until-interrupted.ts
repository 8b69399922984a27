/** Do work that Ctrl-C and the like end in order: it is told, and undoes what it has begun. */
export async function untilInterrupted<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, interrupt);
  try {
    return await work(interrupted.signal);
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    const { platformErrors } = await import('../../platform/errors.ts');
    throw platformErrors.PlatformInterrupted({ cause: error });
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}
