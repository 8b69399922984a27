/** Where a machine's screen can be had over the network. Whoever serves it writes it down for those who ask. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';
import { machineRuntime } from './runtime.ts';

export interface Screen {
  readonly host: string;
  readonly port: number;
}

/** Undefined when it has none, or nobody has served it yet since the machine started. */
export async function readScreen(node: Node, uuid: string): Promise<Screen | undefined> {
  const text = await readFileIfPresent(screenFile(node, uuid));
  return text === undefined || text === '' ? undefined : (JSON.parse(text) as Screen);
}

/** @param screen undefined when it is served no more */
export async function writeScreen(node: Node, uuid: string, screen: Screen | undefined): Promise<void> {
  await writeFileAtomically(screenFile(node, uuid), screen === undefined ? '' : `${JSON.stringify(screen)}\n`, { durable: false });
}

/** Whether anything has been written down since the machine started. */
export function isWrittenDown(node: Node, uuid: string): boolean {
  return existsSync(screenFile(node, uuid));
}

function screenFile(node: Node, uuid: string): string {
  return join(machineRuntime(node, uuid).directory, 'vnc.json');
}
