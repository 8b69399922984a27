import { join } from 'node:path';
import { makePrivateDirectory, readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';
import type { NicTags } from '../../host/net/nic-tags.ts';

/** Which nic tags this host has since it booted: before it is a node there is no pool to keep them. */
export async function rememberTags(runDirectory: string, tags: NicTags): Promise<void> {
  await makePrivateDirectory(networkDirectory(runDirectory));
  await writeFileAtomically(tagsPath(runDirectory), `${JSON.stringify(tags)}\n`, { durable: false });
}

/** The nic tags that were applied last; none before. */
export async function appliedTags(runDirectory: string): Promise<NicTags> {
  const text = await readFileIfPresent(tagsPath(runDirectory));
  return text === undefined ? {} : (JSON.parse(text) as NicTags);
}

/** Where files about the network lie that the next boot makes anew. */
export function networkDirectory(runDirectory: string): string {
  return join(runDirectory, 'network');
}

function tagsPath(runDirectory: string): string {
  return join(networkDirectory(runDirectory), 'nictags.json');
}
