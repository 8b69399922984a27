import { createInterface } from 'node:readline';
import { Writable, type Readable } from 'node:stream';

/** What a conversation is held over. */
export interface Terminal {
  readonly name: string;
  readonly input: Readable;
  readonly output: Writable;
  /** Whether a person types into it, who sees what is typed and can correct it. */
  readonly interactive: boolean;
}

export interface Question<Value> {
  readonly text: string;
  /** What an empty line means. */
  readonly preset?: string;
  /** What is typed is not shown. */
  readonly hidden?: boolean;
  /** Turn what was typed into a value. What it throws with `Mistake` is explained, and the question asked again. */
  readonly read: (typed: string) => Value | Promise<Value>;
}

/** One conversation with a person. */
export interface Dialogue {
  say(text?: string): void;
  /** @throws WentBack on Ctrl-C, HungUp when nobody is there any more */
  ask<Value>(question: Question<Value>): Promise<Value>;
  close(): void;
}

/** What was typed cannot be used, and why. */
export class Mistake extends Error {}
/** The person wants the step before. */
export class WentBack extends Error {}
/** The terminal is gone. */
export class HungUp extends Error {}

/** Begin a conversation. */
export function openDialogue({ input, output, interactive }: Terminal): Dialogue {
  const gate = gateTo(output);
  const lines = createInterface({ input, output: gate.stream, terminal: interactive, historySize: 0 });
  const inbox = inboxOf(lines);
  input.on('error', () => lines.close());
  output.on('error', () => lines.close());
  if (input.destroyed) lines.close();
  const say = (text = ''): void => void output.write(`${text}\r\n`);
  const askOnce = async ({ text, preset, hidden = false }: Pick<Question<unknown>, 'text' | 'preset' | 'hidden'>): Promise<string> => {
    const prompt = `${text}${preset === undefined || preset === '' ? '' : ` [${preset}]`}: `;
    if (interactive && !hidden) {
      lines.setPrompt(prompt);
      lines.prompt();
    } else output.write(prompt);
    gate.mute(hidden);
    try {
      const line = await inbox.next();
      // A blank may be part of a password.
      const typed = hidden ? line : line.trim();
      return typed === '' ? (preset ?? '') : typed;
    } finally {
      gate.mute(false);
      if (hidden && interactive) say();
    }
  };
  return {
    say,
    async ask(question) {
      for (;;) {
        const typed = await askOnce(question);
        try {
          return await question.read(typed);
        } catch (error) {
          if (!(error instanceof Mistake)) throw error;
          say(`  ${error.message}`);
        }
      }
    },
    close: () => lines.close(),
  };
}

/** Lines as they come, also those that come before they are asked for. */
function inboxOf(lines: ReturnType<typeof createInterface>): { next(): Promise<string> } {
  type Entry = string | Error;
  const waiting: Array<(entry: Entry) => void> = [];
  const entries: Entry[] = [];
  let closed = false;
  const deliver = (entry: Entry): void => {
    const receiver = waiting.shift();
    if (receiver) receiver(entry);
    else if (typeof entry === 'string') entries.push(entry);
  };
  lines.on('line', deliver);
  lines.on('SIGINT', () => {
    entries.length = 0;
    deliver(new WentBack('went back'));
  });
  lines.on('close', () => {
    closed = true;
    deliver(new HungUp('the terminal was closed'));
  });
  return {
    async next() {
      const entry = entries.shift() ?? (closed ? new HungUp('the terminal was closed') : await new Promise<Entry>((resolve) => waiting.push(resolve)));
      if (typeof entry === 'string') return entry;
      throw entry;
    },
  };
}

/** What readline echoes passes through here, so that a password does not. */
function gateTo(output: Writable): { readonly stream: Writable; mute(on: boolean): void } {
  let muted = false;
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (!muted) output.write(chunk);
      done();
    },
  });
  return { stream, mute: (on) => (muted = on) };
}
