/** Tasks on the node itself (reference/control-plane §1.4). */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { defineTask, flagSchema } from '../definition.ts';
import { taskErrors } from '../errors.ts';

const HOUR = 3600;

/** The node's sysinfo, looked up now. */
export const serverSysinfo = defineTask({
  queue: 'server_tasks',
  params: z.looseObject({}),
  seconds: 60,
  readsOnly: true,
  afterDeath: 'again',
  run: async (_, context) => ({ sysinfo: await context.host.sysinfo() }),
});

/** Begin to go down. The answer comes before: the agent takes no more tasks, and reboots when those that run have ended. */
export const serverReboot = defineTask({
  queue: 'server_tasks',
  params: z.looseObject({}),
  seconds: 60,
  headOnly: true,
  // The agent that died with it may have done it.
  afterDeath: 'fail',
  async run(_, context) {
    context.host.leave();
    return {};
  },
});

/** Let the next boot destroy the pool, and begin to go down. */
export const serverFactoryReset = defineTask({
  queue: 'server_tasks',
  params: z.looseObject({}),
  seconds: 120,
  headOnly: true,
  afterDeath: 'fail',
  async run(_, context) {
    await context.host.markForFactoryReset();
    context.host.leave();
    return {};
  },
});

const commandParams = z.looseObject({
  script: z.string().max(1024 * 1024),
  args: z.array(z.union([z.string(), z.number()]).transform(String)).optional(),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'names in env have letters, digits and underscores'), z.union([z.string(), z.number()]).transform(String)).optional(),
  /** Milliseconds. */
  timeout: z.coerce.number().int().min(1).max(HOUR * 1000).optional(),
});

/** Run a script as root. One that fails is a task that succeeds: its exit code is in the result. */
export const commandExecute = defineTask<z.infer<typeof commandParams>>({
  queue: 'server_tasks',
  params: commandParams,
  seconds: HOUR + 60,
  headOnly: true,
  afterDeath: 'fail',
  async run({ script, args = [], env = {}, timeout = HOUR * 1000 }, context) {
    if (!/^#!\s*\/\S/.test(script) || script.includes('\0')) throw taskErrors.ScriptInvalid();
    return { ...(await context.host.execute({ script, args, env, timeout }, context.signal)) };
  },
});

const nopParams = z.looseObject({
  /** Seconds. */
  sleep: z.coerce.number().min(0).max(HOUR).optional(),
  error: z.union([z.string(), flagSchema]).optional(),
});

/** Do nothing, for `sleep` seconds; fail with `error`. For tests of everything around tasks. */
export const nop = defineTask<z.infer<typeof nopParams>>({
  queue: 'test',
  params: nopParams,
  seconds: HOUR + 60,
  readsOnly: true,
  afterDeath: 'again',
  async run({ sleep: seconds = 0, error }, context) {
    if (seconds > 0) await sleep(seconds * 1000, undefined, { signal: context.signal });
    if (error !== undefined && error !== false) throw taskErrors.TaskFailedOnPurpose({ reason: typeof error === 'string' ? error.slice(0, 1000) : 'nop was told to fail' });
    return {};
  },
});
