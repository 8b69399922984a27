/**
 * The engine in this process. Reading verbs must be quick: everything that only a change needs, its steps and what they
 * work with, is loaded by the first verb that asks for it.
 */
import { randomUUID } from 'node:crypto';
import { loadNode, type Node } from '../host/config/node-config.ts';
import type { StepEvent } from '../host/journal/perform.ts';
import type { Recovered } from '../host/journal/recover.ts';
import type { Engine } from './engine.ts';
import type { Workshop } from './lifecycle/perform.ts';

/** Whom the engine works for. */
export interface EngineOptions {
  readonly node?: Node;
  readonly requestId?: string;
  readonly askedBy?: string;
  /** Aborted when the caller wants a running operation stopped and undone. */
  readonly signal?: AbortSignal;
  onEvent?(event: StepEvent): void;
}

/**
 * Open the engine on this node, in this process. Before the first change it finishes what a crash left.
 * @throws NodeNotReady, NodeConfigInvalid
 */
export async function openEngine(options: EngineOptions = {}): Promise<Engine> {
  const node = options.node ?? (await loadNode());
  const workshop = lazily(() => workshopOn(node, options));
  const changing =
    <Args extends unknown[], Result>(load: () => Promise<(workshop: Workshop, ...args: Args) => Promise<Result>>) =>
    async (...args: Args): Promise<Result> => {
      const [opened, verb, { recover }, { reviveService }] = await Promise.all([
        workshop(),
        load(),
        import('./lifecycle/recover.ts'),
        import('./metadata/ensure-service.ts'),
      ]);
      await recover(opened);
      await reviveService(node);
      return verb(opened, ...args);
    };
  return {
    create: changing(async () => (await import('./lifecycle/create.ts')).createVm),
    update: changing(async () => (await import('./lifecycle/update.ts')).updateVm),
    start: changing(async () => (await import('./lifecycle/start.ts')).startVm),
    stop: changing(async () => (await import('./lifecycle/stop.ts')).stopVm),
    reboot: changing(async () => (await import('./lifecycle/reboot.ts')).rebootVm),
    delete: changing(async () => (await import('./lifecycle/delete.ts')).deleteVm),
    kill: async (uuid, signal) => (await import('./lifecycle/kill.ts')).killVm(node, uuid, signal),
    sysrq: async (uuid, type) => (await import('./lifecycle/sysrq.ts')).sysrqVm(node, uuid, type),
    get: async (uuid) => (await import('./instance/show.ts')).getVm(node, uuid),
    list: async (fields) => (await import('./instance/list.ts')).listVms(node, fields),
    info: async (uuid, types) => (await import('./instance/inspect.ts')).infoOf(node, uuid, types),
    consoleCommand: async (uuid) => (await import('./instance/inspect.ts')).consoleOf(node, uuid),
    async validate(action, brand, payload) {
      const [{ validatePayload }, { payloadFacts }] = await Promise.all([import('./payload/validate.ts'), import('./lifecycle/payload-facts.ts')]);
      return validatePayload(action, brand, payload, await payloadFacts(node));
    },
    async planCreate(payload) {
      const [opened, { planCreate }, { describePlan }] = await Promise.all([workshop(), import('./lifecycle/create.ts'), import('./lifecycle/perform.ts')]);
      return describePlan(opened, await planCreate(opened, payload));
    },
    async planUpdate(uuid, payload) {
      const [opened, { planUpdate }, { describePlan }] = await Promise.all([workshop(), import('./lifecycle/update.ts'), import('./lifecycle/perform.ts')]);
      return describePlan(opened, await planUpdate(opened, uuid, payload));
    },
  };
}

/** Finish what earlier processes left undone on this node, as every change does first. Each operation reports its own result. */
export async function recoverNode(node: Node): Promise<Recovered[]> {
  const [workshop, { recover }] = await Promise.all([workshopOn(node, {}), import('./lifecycle/recover.ts')]);
  return recover(workshop);
}

/**
 * Finish what processes that are gone left undone on an instance: wait until nothing of them works on it any more, then resume or
 * undo. @throws LockTimeout when something still does after five minutes
 */
export async function recoverInstance(node: Node, uuid: string): Promise<void> {
  const [{ lockName }, { takeLock }] = await Promise.all([import('./lifecycle/perform.ts'), import('../host/lock/lock.ts')]);
  // Recovery takes the lock itself, and passes over what another recovery works on: both that one and ours are waited for.
  const untilNobodyWorks = async (): Promise<void> => (await takeLock({ scope: node.paths.config, name: lockName(uuid), action: 'recovery' })).release();
  await untilNobodyWorks();
  await recoverNode(node);
  await untilNobodyWorks();
}

async function workshopOn(node: Node, options: EngineOptions): Promise<Workshop> {
  const [{ vmSteps }, { imageStepKinds }] = await Promise.all([import('./lifecycle/steps/index.ts'), import('../imgadm/index.ts')]);
  return {
    node,
    performer: {
      on: { node },
      kinds: { ...vmSteps, ...imageStepKinds },
      journalDirectory: node.paths.journal,
      auditFile: node.paths.audit,
      askedBy: options.askedBy ?? 'root',
      requestId: options.requestId ?? randomUUID(),
      signal: options.signal ?? new AbortController().signal,
      onEvent: (event) => options.onEvent?.(event),
    },
  };
}

function lazily<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => (made ??= make());
}
