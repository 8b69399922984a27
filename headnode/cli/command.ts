/** A command of `zonewright head`, as data: `node/cli/program.ts` parses it and makes help of it. */
export interface HeadCommand {
  readonly name: string;
  readonly summary: string;
  readonly operands?: string;
  readonly operandCount?: readonly [least: number, most: number];
  readonly options: Readonly<Record<string, HeadOption>>;
  readonly examples?: ReadonlyArray<readonly [command: string, meaning: string]>;
  /** Do it. @returns the exit status */
  run(invocation: HeadInvocation): Promise<number>;
}

export interface HeadOption {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  readonly value?: string;
  readonly summary: string;
}

export interface HeadInvocation {
  readonly values: Readonly<Record<string, string | boolean | Array<string | boolean> | undefined>>;
  readonly operands: readonly string[];
}

/** Every command takes it. */
export const DATA_OPTION = { data: { type: 'string', value: 'DIR', summary: 'the data directory (default: <pool>/head on a node, else /var/lib/zonewright/head)' } } as const;

/** The text of an option; undefined when it was not given. */
export function textOf({ values }: HeadInvocation, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}
