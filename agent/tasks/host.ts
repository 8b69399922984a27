/** What tasks act through. A node hands in the real things, a simulated one its own; both are held to the same tests. */
import type { StepEvent } from '../../host/journal/perform.ts';
import type { Engine } from '../../vmadm/engine.ts';
import type { CommandResult } from '../wire/tasks.ts';
import type { Sysinfo } from '../wire/sysinfo.ts';

/** For whom and under what name something is done. */
export interface TaskCaller {
  readonly requestId: string;
  readonly askedBy: string;
  /** Aborted when the task's time is over: what runs is stopped, and undone where that is the verb's way. */
  readonly signal: AbortSignal;
  onEvent(event: StepEvent): void;
}

/** An image that must be there. */
export interface WantedImage {
  readonly uuid: string;
  /** Its manifest, when the caller has it: nobody need be asked for it then. Not trusted. */
  readonly manifest?: unknown;
}

export interface TaskImages {
  /**
   * Make sure that an image is installed, with all its origins; what is missing is imported from the node's sources. Many may ask
   * for the same one at a time. @throws errors of imgadm
   */
  ensure(image: WantedImage, caller: TaskCaller): Promise<void>;
}

/** A program as text, for a head node (reference/control-plane §1.4, command_execute). */
export interface Command {
  /** Begins with `#!`. */
  readonly script: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly timeout: number;
}

export interface TaskHost {
  readonly serverUuid: string;
  /** The pool's name. */
  readonly pool: string;
  readonly images: TaskImages;
  engine(caller: TaskCaller): Promise<Engine>;
  sysinfo(): Promise<Sysinfo>;
  execute(command: Command, signal: AbortSignal): Promise<CommandResult>;
  /** Begin to go down for a reboot, and say so by returning: what runs is waited for. */
  leave(): void;
  /** Let the next boot destroy everything that the node keeps. @throws FactoryResetImpossible where the next boot would not do it */
  markForFactoryReset(): Promise<void>;
  /** Finish what an agent that died had begun on an instance; resolves when nothing of it runs any more. */
  settle(uuid: string): Promise<void>;
}
