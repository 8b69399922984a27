/** Why a machine that runs stands still. Whoever supervises it writes that down for those who ask. */
import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';
import { machineRuntime } from './runtime.ts';

export interface Pause {
  /** `no-space` when the pool has no room for what the guest wrote, else QEMU's name for its state: `io-error`, `paused` … */
  readonly reason: string;
  readonly since: string;
}

/** Undefined while the machine goes on. */
export async function readPause(node: Node, uuid: string): Promise<Pause | undefined> {
  const text = await readFileIfPresent(pauseFile(node, uuid));
  return text === undefined || text === '' ? undefined : (JSON.parse(text) as Pause);
}

export async function writePause(node: Node, uuid: string, pause: Pause | undefined): Promise<void> {
  await writeFileAtomically(pauseFile(node, uuid), pause === undefined ? '' : `${JSON.stringify(pause)}\n`, { durable: false });
}

function pauseFile(node: Node, uuid: string): string {
  return join(machineRuntime(node, uuid).directory, 'pause.json');
}
