/**
 * Plans.
 *
 * A verb that changes something is first written down as a plan: an ordered list of steps, each plain data. What a kind
 * of step does, how it is undone and how one sees that it is done lies in a `StepKind`. `perform.ts` performs a plan and
 * keeps its journal, `recover.ts` finishes what a crash left. A step's arguments never hold a secret: they are shown by
 * `vmadm plan` and written to disk.
 */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue | undefined };
export type StepArguments = { readonly [key: string]: JsonValue | undefined };

export interface Step {
  readonly kind: string;
  readonly args: StepArguments;
}

export interface Plan {
  readonly operation: string;
  readonly verb: string;
  /** The uuid of what it changes. */
  readonly target: string;
  /** What recovery does with it after a crash: take everything back, or carry on to the end. */
  readonly afterCrash: 'undo' | 'resume';
  /** Name of the lock that is held while it is performed. */
  readonly lock: string;
  readonly steps: readonly Step[];
  /** The request that it was made for; the journal has it, so that also what a crash left is known by it. */
  readonly request?: string;
}

/**
 * One kind of step. All three functions must be safe to call again: after a crash nobody knows which steps ran, so
 * `undo` meets things that were never done (and things of the same name that are somebody else's), and `perform` meets
 * things that are done already.
 */
export interface StepKind<Context, Args extends StepArguments = StepArguments> {
  /** One line for people: what the step does. */
  describe(args: Args): string;
  isDone(args: Args, context: StepContext<Context>): Promise<boolean>;
  perform(args: Args, context: StepContext<Context>): Promise<void>;
  undo(args: Args, context: StepContext<Context>): Promise<void>;
}

/** What a step may know besides its arguments. */
export interface StepContext<Context> {
  readonly operation: string;
  /** What the domain works on: the node, its registries. */
  readonly on: Context;
  /** Say how far a long step is; `fraction` from 0 to 1 when known. */
  report(note: string, fraction?: number): void;
}

/** All step kinds that a domain knows, by name. */
export type StepKinds<Context> = Readonly<Record<string, StepKind<Context, never>>>;

/** Look up a kind whose name a plan carries. */
export function stepKind<Context>(kinds: StepKinds<Context>, name: string): StepKind<Context> | undefined {
  return Object.hasOwn(kinds, name) ? (kinds[name] as unknown as StepKind<Context>) : undefined;
}
