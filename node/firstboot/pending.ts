/** What is left to do of an installation once there is a pool: kept in it, so that a power cut costs nothing but time. */
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { readFileIfPresent, syncDirectory, writeFileAtomically } from '../../host/files/atomic.ts';
import type { InstallPlan } from './plan.ts';

export type Pending = Pick<InstallPlan, 'role' | 'access' | 'head' | 'join' | 'networking'> & { readonly version: 1; readonly bootable: boolean };

/** What of a plan is left after the set-up, as text. */
export function pendingOf({ role, access, head, join: joining, networking, pool }: InstallPlan): string {
  const pending: Pending = { version: 1, role, access, networking, bootable: pool.bootable, ...(head ? { head } : {}), ...(joining ? { join: joining } : {}) };
  return `${JSON.stringify(pending)}\n`;
}

/** Keep it, readable by root alone. */
export async function writePending(node: Pick<Node, 'paths'>, text: string): Promise<void> {
  await writeFileAtomically(pendingPath(node), text, { durable: true });
}

/** Undefined when nothing is left. */
export async function readPending(node: Pick<Node, 'paths'>): Promise<Pending | undefined> {
  const text = await readFileIfPresent(pendingPath(node));
  return text === undefined ? undefined : (JSON.parse(text) as Pending);
}

/** Nothing is left. */
export async function forgetPending(node: Pick<Node, 'paths'>): Promise<void> {
  await rm(pendingPath(node), { force: true });
  await syncDirectory(dirname(pendingPath(node)));
}

function pendingPath({ paths }: Pick<Node, 'paths'>): string {
  return join(paths.config, 'installation.json');
}
