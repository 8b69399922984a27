/** What commands say when they are done: on stderr, as SmartOS does (reference §1.1). */
import { ZonewrightError } from '../../host/errors/errors.ts';
import type { Invocation } from './command.ts';

/** Say that something was done. */
export function say({ streams }: Invocation, line: string): void {
  streams.stderr.write(`${line}\n`);
}

/** Print data as JSON. */
export function printJson({ streams }: Invocation, value: unknown): void {
  streams.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Do something whose errors carry the prefix that its command has in the reference (§1.2). */
export async function withPrefix<Result>(prefix: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof ZonewrightError)) throw error;
    const { code, message, exitStatus: exit, hint, details } = error;
    throw new ZonewrightError(code, `${prefix}${message}`, { exit, details, cause: error, ...(hint !== undefined && { hint }) });
  }
}
