/**
 * A trial boot, as a machine of states. It is the same whether GRUB or a head node hands the image out once.
 *
 *     waiting ──the trial boot──▶ running ──healthy──▶ passed
 *        │                           └──deadline──▶ failed ◀──┐
 *        └──────── a boot of another image ───────────────────┘
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { Node } from '../../host/config/node-config.ts';
import { isUuid } from '../../host/config/units.ts';
import { readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';
import type { ThisBoot } from './platform-host.ts';
import { isStamp, type Stamp } from './stamp.ts';

const trialSchema = z.object({
  v: z.literal(1),
  stamp: z.custom<Stamp>(isStamp),
  /** What is booted when it fails. */
  from: z.custom<Stamp>(isStamp).optional(),
  state: z.enum(['waiting', 'running', 'passed', 'failed']),
  /** Of the boot in which it came into this state. */
  bootId: z.string(),
  /** Instances that ran when it was asked for. */
  instances: z.array(z.string().refine(isUuid)).optional(),
  /** Why it failed; while it runs, what is still missing. */
  reason: z.string().optional(),
  /** When it came into this state, ISO 8601. */
  date: z.string(),
});

export type Trial = Readonly<z.infer<typeof trialSchema>>;

/** What a boot means for the last trial. */
export type Meaning = { readonly kind: 'nothing' } | { readonly kind: 'judge'; readonly trial: Trial } | { readonly kind: 'failed'; readonly trial: Trial };

/** What this boot means. A trial of which there is no record was ordered by a head node. */
export function meaningOf(boot: ThisBoot, last: Trial | undefined, date: string): Meaning {
  if (boot.stamp === undefined) return { kind: 'nothing' };
  const isOver = last?.state === 'passed' || last?.state === 'failed';
  if (boot.trialSeconds !== undefined) {
    if (last && isOver && last.stamp === boot.stamp && last.bootId === boot.bootId) return { kind: 'nothing' };
    const known = last && !isOver && last.stamp === boot.stamp ? last : { v: 1 as const, stamp: boot.stamp };
    return { kind: 'judge', trial: { ...known, reason: undefined, state: 'running', bootId: boot.bootId, date } };
  }
  if (!last || isOver || last.bootId === boot.bootId) return { kind: 'nothing' };
  return { kind: 'failed', trial: { ...last, state: 'failed', bootId: boot.bootId, date, reason: reasonOf(last, boot) } };
}

function reasonOf({ state, stamp, reason }: Trial, boot: ThisBoot): string {
  if (boot.stamp === stamp) return 'it was started by hand and not on trial';
  if (state === 'waiting') return 'it did not come up as far as the pool: it panicked, hung, or could not be loaded';
  return reason === undefined ? 'it came up and ended before it was healthy' : `it was not healthy in time: ${reason}`;
}

/** The last trial of this node; undefined when there was none, or its record is damaged. */
export async function readTrial(node: Node): Promise<Trial | undefined> {
  const text = await readFileIfPresent(trialPath(node));
  if (text === undefined) return undefined;
  try {
    return trialSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Keep it; it would survive a power cut when this returns. */
export async function keepTrial(node: Node, trial: Trial): Promise<void> {
  await writeFileAtomically(trialPath(node), `${JSON.stringify(trial, null, 2)}\n`, { durable: true });
}

/** Is there when this boot has to say what became of a trial that was not its own. */
const UNSETTLED = '/run/zonewright/trial-unsettled';

/** Leave word for the unit that judges: without it, and without being on trial, a boot starts no judge. */
export async function noteUnsettled(node: Node): Promise<void> {
  const state = (await readTrial(node))?.state;
  if (state !== 'waiting' && state !== 'running') return;
  await mkdir(dirname(UNSETTLED), { recursive: true, mode: 0o755 });
  await writeFile(UNSETTLED, '');
}

/** For a table: one word. */
export function trialWord(trial: Trial | undefined, stamp: Stamp): string {
  return trial?.stamp === stamp ? trial.state : '-';
}

function trialPath(node: Node): string {
  return join(node.paths.config, 'platform-trial.json');
}
