/** What a command of vmadm is: data for dispatch, usage, `--help`, the man page and completion, and a function to run. */
import type { Readable, Writable } from 'node:stream';
import type { FollowOptions, StreamEvent } from '../../agent/client/events.ts';
import type { Engine } from '../engine.ts';

export interface CommandOption {
  readonly type: 'flag' | 'text';
  readonly short?: string;
  /** A short spelling that sets a flag to false. */
  readonly negatedShort?: string;
  /** What the value is called in usage. */
  readonly value?: string;
  readonly summary: string;
}

export interface Command {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** The operands of each way to call it. */
  readonly forms: readonly string[];
  readonly summary: string;
  /** Further paragraphs for `--help` and the man page. */
  readonly description?: string;
  readonly options?: Readonly<Record<string, CommandOption>>;
  readonly examples?: readonly string[];
  /** Ctrl-C asks it to undo what it has done, instead of ending it. */
  readonly changes?: boolean;
  /** It reads its arguments itself, since they do not follow the rules of all others. */
  readonly ownArguments?: boolean;
  /** Loaded only when the command is called. Absent: this version does not have it yet. */
  readonly load?: () => Promise<{ readonly run: Run }>;
}

/** @returns the exit status; nothing is 0. */
export type Run = (invocation: Invocation) => Promise<number | void>;

export interface Invocation {
  readonly command: Command;
  readonly operands: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly streams: Streams;
  /** Whether a person reads along: lines that no program expects may be written to stderr. */
  readonly talkative: boolean;
  engine(): Promise<Engine>;
  /** What follows events. @throws AgentNeeded when no agent runs */
  followEvents(): Promise<FollowEvents>;
  runInteractively(command: readonly [string, ...string[]]): Promise<number>;
}

/** Follow events, across lost connections. */
export type FollowEvents = (options: Omit<FollowOptions, 'connect'>) => AsyncIterable<StreamEvent>;

export interface Streams {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}
