/**
 * Errors that a user can reach.
 *
 * Every domain keeps one table of them (`host/errors/host-errors.ts`, `vmadm/errors.ts`, `imgadm/errors.ts`,
 * `node/errors.ts`): code, message, exit status. Programs match on the code and on the message, so both are data in one
 * place and `docs/errors.md` lists exactly these. A mistake of ours is a plain `Error` and keeps its stack.
 */

import { constants } from 'node:os';

/** One row of an error table. `{name}` in the message is a fact the thrower must supply. */
export interface ErrorDefinition {
  readonly message: string;
  /** Exit status of a command that fails with it; 1 unless the reference says otherwise. */
  readonly exit?: number;
  /** HTTP status of an answer that carries it; 500 unless the reference says otherwise. */
  readonly status?: number;
  /** What the user can do about it; shown on a terminal, never part of the message that programs match. */
  readonly hint?: string;
}

type FactNames<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | FactNames<Rest> : never;
type Facts<Text extends string> = { readonly [Name in FactNames<Text>]: string | number };
type FactsArgument<Text extends string> = [FactNames<Text>] extends [never] ? [] : [facts: Facts<Text>];

/** What a thrower may add to the facts: the cause, a hint fitting the case, further lines that explain. */
export interface ErrorExtras {
  readonly cause?: unknown;
  readonly hint?: string;
  readonly details?: readonly string[];
}

type ErrorFactory<Definition extends ErrorDefinition> = (
  ...args: [...FactsArgument<Definition['message']>, extras?: ErrorExtras]
) => ZonewrightError;

/** An error whose message is meant for the user as it stands: no stack trace is ever printed for it. */
export class ZonewrightError extends Error {
  override readonly name = 'ZonewrightError';
  readonly code: string;
  readonly exitStatus: number;
  readonly httpStatus: number;
  readonly hint: string | undefined;
  readonly details: readonly string[];

  constructor(code: string, message: string, options: ErrorExtras & { exit?: number | undefined; status?: number | undefined } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.exitStatus = options.exit ?? 1;
    this.httpStatus = options.status ?? 500;
    this.hint = options.hint;
    this.details = options.details ?? [];
  }
}

/**
 * Turn a table of definitions into functions that make the errors: `hostErrors.CommandFailed({ … })`.
 * A missing fact is a type error, so a message never shows a hole.
 */
export function defineErrors<const Table extends Readonly<Record<string, ErrorDefinition>>>(
  table: Table,
): { readonly [Code in keyof Table]: ErrorFactory<Table[Code]> } & { readonly definitions: Table } {
  const factories: Record<string, unknown> = { definitions: table };
  for (const [code, definition] of Object.entries(table)) {
    factories[code] = (...args: unknown[]) => makeError(code, definition, args);
  }
  return factories as never;
}

/** Whether something thrown is one of ours with this code. */
export function isErrorCode(error: unknown, code: string): error is ZonewrightError {
  return error instanceof ZonewrightError && error.code === code;
}

/** Whether something thrown is a system error of Node's with this errno code (`ENOENT` …). */
export function isSystemError(error: unknown, ...codes: string[]): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && codes.includes(nameOf(error as NodeJS.ErrnoException));
}

/** Node has no name for the error of a full quota. */
function nameOf({ code, errno }: NodeJS.ErrnoException): string {
  return errno === -constants.errno.EDQUOT ? 'EDQUOT' : String(code);
}

function makeError(code: string, definition: ErrorDefinition, args: unknown[]): ZonewrightError {
  const takesFacts = /\{\w+\}/.test(definition.message);
  const facts = (takesFacts ? args[0] : {}) as Record<string, string | number>;
  const extras = (takesFacts ? args[1] : args[0]) as ErrorExtras | undefined;
  const message = definition.message.replace(/\{(\w+)\}/g, (_, name: string) => String(facts[name]));
  return new ZonewrightError(code, message, { hint: definition.hint, ...extras, exit: definition.exit, status: definition.status });
}
