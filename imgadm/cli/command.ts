/** What a command is: data, from which parsing and help come, and a handler that is loaded when it is called. */
import type { Node } from '../../host/config/node-config.ts';

export interface CommandOption {
  /** Long name, without dashes. */
  readonly name: string;
  readonly short?: string;
  /** Name of its value in the help; an option without one is a switch. */
  readonly value?: string;
  /** It may be given several times. */
  readonly repeated?: true;
  readonly help: string;
}

export interface Command {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** The operands, as the usage line shows them. */
  readonly operands: string;
  readonly options: readonly CommandOption[];
  readonly examples: readonly string[];
  readonly load: () => Promise<Handler>;
}

/** Options as they were given: a switch is true, the others have their text, repeated ones all their texts. */
export type GivenOptions = Readonly<Record<string, string | true | readonly string[]>>;

export interface Request {
  readonly node: Node;
  readonly options: GivenOptions;
  readonly args: readonly string[];
  readonly requestId: string | undefined;
  readonly signal: AbortSignal;
  /** Print a line of progress on standard output, where scripts look for it. */
  say(line: string): void;
  /** Print a line on standard error. */
  warn(line: string): void;
  /** Show how far something long is, in place of what this showed before. Undefined when nobody looks. */
  readonly showProgress?: ((text: string) => void) | undefined;
}

/** What a command has to show. The caller prints it, and then the failure that left it incomplete. */
export type Answer = Shown & { readonly failure?: unknown; readonly status?: number };

export type Shown =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'table'; readonly rows: ReadonlyArray<Readonly<Record<string, unknown>>>; readonly columns: readonly string[]; readonly header: boolean }
  | { readonly kind: 'lines'; readonly lines: readonly string[] };

export type Handler = (request: Request) => Promise<Answer>;

/** A text option, undefined when it was not given. */
export function textOption(options: GivenOptions, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

/** All values of an option that may be repeated. */
export function listOption(options: GivenOptions, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? (value as readonly string[]) : [];
}
