import { z } from 'zod';
import type { Engine, VmObject } from '../../vmadm/engine.ts';
import type { TaskResult } from '../wire/tasks.ts';
import { uuidSchema } from '../wire/uuid.ts';
import type { TaskCaller, TaskHost } from './host.ts';

/** Tasks of one queue share its places; an instance is worked on by one task at a time whatever their queues are. */
export type Queue = 'machine_creation' | 'image_import_tasks' | 'server_tasks' | 'machine_tasks' | 'machine_query' | 'test';

/** A task that runs. */
export interface TaskContext extends TaskCaller {
  readonly host: TaskHost;
  /** An engine that works for this task's caller. */
  engine(): Promise<Engine>;
  /** When it was taken; before that if an agent that died had taken it. */
  readonly acceptedAt: Date;
  /** An agent that died had begun it, and what it did to the instance is settled. */
  readonly isResumed: boolean;
  /** Percent, for people who wait. */
  progress(percent: number): void;
}

/** One task of the catalogue. */
export interface TaskDefinition<Params = never> {
  readonly queue: Queue;
  readonly params: z.ZodType<Params>;
  /** Seconds after which it is stopped. */
  readonly seconds: number;
  /** For a head node alone: also root on the node is refused. */
  readonly headOnly?: boolean;
  /** It changes nothing, so nothing of it is kept unless the caller named it. */
  readonly readsOnly?: boolean;
  /** After the agent's death: begun again, or reported as failed. */
  readonly afterDeath: 'again' | 'fail';
  /** The instance that it works on. */
  instance?(params: Params): string | undefined;
  run(params: Params, context: TaskContext): Promise<TaskResult>;
}

/** Take a definition as one among others, whatever its params are: they come from its own schema. */
export function defineTask<Params>(definition: TaskDefinition<Params>): TaskDefinition {
  return definition as unknown as TaskDefinition;
}

/** A flag as the field's clients send it. */
export const flagSchema = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]);

/** What every task on an instance takes. */
export const instanceParams = z.looseObject({ uuid: uuidSchema });

/** `{vm}`: the instance as it is now. */
export async function vmResult(engine: Engine, uuid: string): Promise<{ readonly vm: VmObject }> {
  return { vm: await engine.get(uuid) };
}
