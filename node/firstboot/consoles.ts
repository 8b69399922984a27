/** The machine's own consoles, screen and serial lines. Until the machine is a node nobody can log in there, so that they are ours. */
import { constants, existsSync, openSync } from 'node:fs';
import { ReadStream, WriteStream } from 'node:tty';
import { readFileIfPresent } from '../../host/files/atomic.ts';
import { run } from '../../host/run/run.ts';
import { nodeErrors } from '../errors.ts';
import { systemdRuns } from '../setup/systemd.ts';
import { HungUp, openDialogue, type Dialogue, type Terminal } from './dialogue.ts';

export interface Consoles {
  /** Tell everybody. */
  say(line: string): void;
  /**
   * Hold a conversation on the console where somebody presses Enter first. When that one is hung up, another can begin anew.
   * @throws InstallAborted when there is no console
   */
  converse<Result>(invitation: string, conversation: (dialogue: Dialogue) => Promise<Result>): Promise<Result>;
  /** Give the consoles back to the login prompts. */
  release(): Promise<void>;
}

/** Take the consoles from their login prompts. */
export async function takeConsoles(): Promise<Consoles> {
  const names = await consoleNames();
  await systemctl('stop', names);
  const terminals = (await Promise.all(names.map(openTerminal))).filter((terminal) => terminal !== undefined);
  return { ...consolesOn(terminals), release: () => release(names, terminals) };
}

/** Consoles on terminals that are open already. */
export function consolesOn(terminals: readonly Terminal[]): Omit<Consoles, 'release'> {
  // One that breaks down between two conversations must not take the others with it.
  for (const { input, output } of terminals) for (const stream of [input, output]) stream.on('error', () => undefined);
  const say = (line: string): void => {
    for (const { output } of terminals) if (output.writable) output.write(`${line}\r\n`);
  };
  const converse: Consoles['converse'] = async (invitation, conversation) => {
    let present = terminals.map((terminal) => ({ name: terminal.name, dialogue: openDialogue(terminal) }));
    const pressed = new Map(present.map((one) => [one, enter(one.dialogue, invitation)]));
    try {
      for (;;) {
        if (present.length === 0) throw nodeErrors.InstallAborted({ reason: 'no console of this machine can be talked to' });
        const { one, there } = await Promise.race(present.map(async (console) => ({ one: console, there: (await pressed.get(console)) ?? false })));
        if (there) {
          for (const { name, dialogue } of present) if (name !== one.name) dialogue.say(`\r\nThis machine is being set up on ${one.name}.`);
          try {
            return await conversation(one.dialogue);
          } catch (error) {
            if (!(error instanceof HungUp)) throw error;
          }
        }
        present = present.filter((console) => console !== one);
      }
    } finally {
      for (const { dialogue } of present) dialogue.close();
    }
  };
  return { say, converse };
}

/** Whether somebody pressed Enter; not so when the terminal is none. */
async function enter(dialogue: Dialogue, invitation: string): Promise<boolean> {
  for (;;) {
    try {
      await dialogue.ask({ text: invitation, read: () => undefined });
      return true;
    } catch (error) {
      // Ctrl-C here means nothing.
      if (error instanceof HungUp) return false;
    }
  }
}

/** `tty1`, `ttyS0`: where the kernel speaks, and the screen. */
async function consoleNames(): Promise<string[]> {
  const active = ((await readFileIfPresent('/sys/class/tty/console/active')) ?? '').trim().split(/\s+/);
  const names = active.flatMap((name) => (name === 'tty0' ? ['tty1'] : /^(tty[A-Z]+\d+|hvc\d+)$/.test(name) ? [name] : []));
  return [...new Set([...names, 'tty1'])].filter((name) => existsSync(`/dev/${name}`));
}

async function openTerminal(name: string): Promise<Terminal | undefined> {
  const path = `/dev/${name}`;
  await run(['stty', '-F', path, 'sane', 'clocal'], { acceptExitCodes: [0, 1] });
  try {
    // A serial line without a carrier would keep us waiting.
    const flags = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK;
    return { name, input: new ReadStream(openSync(path, flags)), output: new WriteStream(openSync(path, flags)), interactive: true };
  } catch {
    return undefined;
  }
}

async function release(names: readonly string[], terminals: readonly Terminal[]): Promise<void> {
  for (const { input, output } of terminals) {
    input.destroy();
    output.destroy();
  }
  await systemctl('start', names);
}

async function systemctl(verb: 'stop' | 'start', names: readonly string[]): Promise<void> {
  if (!systemdRuns() || names.length === 0) return;
  const units = names.map((name) => (/^tty\d+$/.test(name) ? `getty@${name}.service` : `serial-getty@${name}.service`));
  await run(['systemctl', ...(verb === 'start' ? ['--no-block'] : []), verb, '--', ...units], { acceptExitCodes: [0, 1, 5] });
}
