/**
 * The engine as its callers see it: the CLIs in this process today, the agent for everyone when it runs. It knows nothing
 * of who asked or how answers are shown; every function returns data or throws one of the errors in `errors.ts`.
 */
import type { VmUuid } from '../host/config/units.ts';
import type { Plan } from '../host/journal/plan.ts';
import type { Brand } from './payload/brands.ts';
import type { ValidationResult } from './payload/findings.ts';

/** A payload as a program or a person hands it over: nothing of it is trusted. */
export type Payload = Readonly<Record<string, unknown>>;

/** An instance as `vmadm get` prints it (reference §2.7): stored properties and live ones. */
export type VmObject = Readonly<Record<string, unknown>> & {
  readonly uuid: string;
  readonly brand: string;
  readonly state: string;
  readonly zone_state: string;
};

export interface StopOptions {
  /** Do not ask the guest. */
  readonly force?: boolean;
  /** Seconds between asking and force; only brands with a time-out of their own take it (reference §3.4). */
  readonly timeout?: number;
  /** The node goes down: so many seconds between asking and force for any brand, and what boots with the node still does. */
  readonly withNode?: number;
}

/** What a machine boots from, for this boot only (reference §1.2, `start`). */
export interface StartOptions {
  /** QEMU's letters: `cd`, `nc`, `c,once=d`. */
  readonly order?: string | undefined;
  readonly extra?: ReadonlyArray<{ readonly path: string; readonly model: string; readonly media: 'disk' | 'cdrom' }> | undefined;
}

/** How an update went. */
export interface UpdateOutcome {
  /** Properties of a running instance that change at its next boot. */
  readonly pending: readonly string[];
  /** Properties of the payload that were dropped or that the guest does not come to know, each with the reason. */
  readonly warnings: readonly string[];
}

/** What a machine can be sent besides signals. */
export type Sysrq = 'nmi' | 'screenshot';

/** A table of instances, as `vmadm list` is asked for it. */
export interface TableRequest {
  /** Fields with commas between (reference §4.1). */
  readonly order: string;
  readonly sort: string;
  readonly parsable: boolean;
  readonly header: boolean | undefined;
}

/** A plan, and each of its steps in words. */
export interface Planned {
  readonly plan: Plan;
  readonly lines: readonly string[];
}

/** What a verb found when there was nothing to do. */
export type Already = 'done' | 'already';

export interface Engine {
  /** Create an instance from a payload, and boot it unless `autoboot` is false. Reference §2. */
  create(payload: Payload): Promise<VmUuid>;
  /** The plan that `create` would perform; nothing is changed. */
  planCreate(payload: Payload): Promise<Planned>;
  /** Change an instance's properties, at once where that is possible. Reference §2.6. */
  update(uuid: string, payload: Payload): Promise<UpdateOutcome>;
  /** The plan that `update` would perform; nothing is changed. */
  planUpdate(uuid: string, payload: Payload): Promise<Planned>;
  /** Check a payload against the rules and against what this node has; nothing is changed. Reference §2.2. */
  validate(action: 'create' | 'update', brand: Brand, payload: Payload): Promise<ValidationResult>;
  /** One instance. @throws NoSuchVm */
  get(uuid: string): Promise<VmObject>;
  /**
   * All instances, in the order they were created.
   * @param fields names of the properties that are asked for; all of them unless given. What is not needed for these is not looked up.
   */
  list(fields?: readonly string[]): Promise<VmObject[]>;
  /** What `vmadm list` prints, where somebody else has it ready; undefined when it must be made of a list after all. */
  table?(asked: TableRequest): Promise<string | undefined>;
  start(uuid: string, options?: StartOptions): Promise<Already>;
  /** @returns the state it was in when there was nothing to stop. */
  stop(uuid: string, options: StopOptions): Promise<{ readonly was: string; readonly outcome: Already }>;
  reboot(uuid: string, options: { readonly force?: boolean }): Promise<void>;
  delete(uuid: string): Promise<void>;
  /** Send a signal to the instance's init. `signal` is a name with or without SIG, or a number. @returns its full name, `SIGTERM`. */
  kill(uuid: string, signal: string): Promise<string>;
  /** Send a machine an NMI, or have it put a picture of its screen into `<zonepath>/root/tmp/vm.ppm`. */
  sysrq(uuid: string, type: Sysrq): Promise<void>;
  info(uuid: string, types: readonly string[]): Promise<Readonly<Record<string, unknown>>>;
  /** The command that connects this terminal to the instance's console. */
  consoleCommand(uuid: string): Promise<readonly [string, ...string[]]>;
}
