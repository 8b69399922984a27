/** What is told of a program to its users: manual page and completion come from it. Each program makes it of its own table of commands. */

export interface Manual {
  /** As it is called: `vmadm`, `zonewright head`. */
  readonly name: string;
  readonly section: 7 | 8;
  readonly summary: string;
  /** Paragraphs. Words in backticks are literal. */
  readonly description: readonly string[];
  /** Ways to call it, for a program without commands: `[-l user] <zone>`. */
  readonly forms?: readonly string[];
  /** Options before a command, or of a program without commands. */
  readonly options?: readonly ManualOption[];
  readonly commands?: readonly ManualCommand[];
  /** Further lists, each under a heading of its own. */
  readonly lists?: readonly ManualList[];
  readonly exitStatus?: ReadonlyArray<Entry>;
  readonly environment?: ReadonlyArray<Entry>;
  readonly files?: ReadonlyArray<Entry>;
  readonly examples?: readonly ManualExample[];
  /** `imgadm(8)` */
  readonly seeAlso: readonly string[];
  /** What completion offers for an operand or an option's value, by its name in forms and options. */
  readonly values?: Readonly<Record<string, ValueSource>>;
  /** Names that completion offers where a form has `<name>=<value>`, by what stands for the name. */
  readonly properties?: Readonly<Record<string, readonly string[]>>;
}

export interface ManualCommand {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** Its operands and options, in each way to call it. */
  readonly forms: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly options: readonly ManualOption[];
  readonly examples?: readonly ManualExample[];
  /** Words that its first operand may be. */
  readonly verbs?: readonly string[];
}

export interface ManualOption {
  readonly name: string;
  /** Letters. */
  readonly shorts: readonly string[];
  /** What its value is called; a switch has none. */
  readonly value?: string;
  readonly summary: string;
}

export interface ManualList {
  readonly title: string;
  readonly entries: ReadonlyArray<Entry>;
}

/** What is explained, and its explanation. */
export type Entry = readonly [term: string, text: string];

export interface ManualExample {
  readonly line: string;
  readonly meaning?: string;
}

/** Things of a node that completion knows, and files. */
export type ValueSource = 'instances' | 'zones' | 'images' | 'nictags' | 'files';
