/**
 * The document as the `sysinfo` command keeps it, so that scripts get it at once. Whoever changes the host refreshes it
 * (`sysinfo -u`), and by that the head node comes to know.
 */
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';
import { watchPath } from '../index/watch.ts';
import { sysinfoSchema, type Sysinfo } from '../wire/sysinfo.ts';
import { sysinfoOf } from './sysinfo.ts';

/** The kept document; looked up anew and kept when there is none, or when `refresh` says so. */
export async function cachedSysinfo(node: Node, { refresh = false } = {}): Promise<Sysinfo> {
  const kept = refresh ? undefined : await readCache(node);
  if (kept) return kept;
  const sysinfo = await sysinfoOf(node);
  await writeFileAtomically(cachePath(node), `${JSON.stringify(sysinfo, null, 2)}\n`, { durable: false });
  return sysinfo;
}

/** Be told when somebody refreshed it, or when the node's nic tags changed, which refreshes it. @returns what ends it */
export function watchSysinfo(node: Node, onChange: () => void): () => void {
  const { nicTags } = node.paths;
  const watching = [
    watchPath(node.runDirectory, (_, name) => void (name === basename(cachePath(node)) && onChange())),
    watchPath(dirname(nicTags), (_, name) => void (name === basename(nicTags) && cachedSysinfo(node, { refresh: true }).catch(onChange))),
  ];
  return () => watching.forEach((one) => one?.close());
}

/** What was kept before the nic tags changed is not true any more. */
async function readCache(node: Node): Promise<Sysinfo | undefined> {
  const [kept, changed] = await Promise.all([cachePath(node), node.paths.nicTags].map(modified));
  if (kept === undefined || (changed !== undefined && changed > kept)) return undefined;
  const text = await readFileIfPresent(cachePath(node));
  if (text === undefined) return undefined;
  try {
    return sysinfoSchema.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function modified(path: string): Promise<bigint | undefined> {
  return (await stat(path, { bigint: true }).catch(() => undefined))?.mtimeNs;
}

function cachePath(node: Node): string {
  return join(node.runDirectory, 'sysinfo.json');
}
