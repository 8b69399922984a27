/**
 * Owners of a whole tree.
 *
 * The tree is data: no process of a guest can change it while this walks, nothing in it is opened, no link is followed.
 * Calls are synchronous, which is several times faster for so many small ones; every few hundred the event loop gets its turn.
 */
import { chmodSync, lchownSync, lstatSync, readdirSync, type Stats } from 'node:fs';
import { setImmediate as breathe } from 'node:timers/promises';
import type { Owner } from './vet-archive.ts';

/** Ids that exist inside a guest. */
const IDS = 65_536;
const NOBODY = 65_534;
const ENTRIES_PER_TURN = 400;

/** Give every entry of the tree at `root` the owner that `ownerOf` says; `path` is below the root, without leading slash. */
export async function setOwners(root: string, ownerOf: (path: string, stats: Stats) => Owner, onEntries?: (count: number) => void): Promise<void> {
  const linked = new Set<number>();
  let count = 0;
  for (const { path, name } of walk(Buffer.from(root))) {
    const stats = lstatSync(path);
    // Another name of something done already: its ids are new by now and must not be taken for old ones.
    const again = stats.nlink > 1 && !stats.isDirectory() && linked.has(stats.ino);
    if (stats.nlink > 1) linked.add(stats.ino);
    if (!again) give(path, stats, ownerOf(name, stats));
    if (++count % ENTRIES_PER_TURN === 0) {
      onEntries?.(count);
      await breathe();
    }
  }
  onEntries?.(count);
}

/** Owners of an image, shifted to those of a zone whose ids begin at `first`. Ids that no guest can have become nobody's. */
export function shiftedBy(first: number): (path: string, stats: Stats) => Owner {
  const shift = (id: number): number => first + (id < IDS ? id : NOBODY);
  return (_, stats) => ({ uid: shift(stats.uid), gid: shift(stats.gid) });
}

function give(path: Buffer, stats: Stats, owner: Owner): void {
  if (stats.uid === owner.uid && stats.gid === owner.gid) return;
  lchownSync(path, owner.uid, owner.gid);
  // A change of owner takes setuid and setgid away, from root's own calls too.
  if (!stats.isSymbolicLink() && (stats.mode & 0o6000) !== 0) chmodSync(path, stats.mode & 0o7777);
}

interface Visit {
  readonly path: Buffer;
  readonly name: string;
}

/** Every entry, parents first. Names are bytes: a guest may use any. */
function* walk(root: Buffer): Generator<Visit> {
  const pending: Visit[] = [{ path: root, name: '' }];
  yield { path: root, name: '' };
  for (let directory = pending.pop(); directory; directory = pending.pop()) {
    for (const entry of readdirSync(directory.path, { withFileTypes: true, encoding: 'buffer' })) {
      const path = Buffer.concat([directory.path, SLASH, entry.name]);
      const name = directory.name === '' ? entry.name.toString() : `${directory.name}/${entry.name.toString()}`;
      yield { path, name };
      if (entry.isDirectory()) pending.push({ path, name });
    }
  }
}

const SLASH = Buffer.from('/');
