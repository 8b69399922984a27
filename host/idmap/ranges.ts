/**
 * Ranges of 65,536 ids for user namespaces. A range belongs to a key (`owner:<uuid>` or `zone:<uuid>`) and never to two
 * at once; which key has which is the node's to remember, in one file in the pool.
 */
import { hostErrors } from '../errors/host-errors.ts';
import type { Node } from '../config/node-config.ts';
import { readFileIfPresent, writeFileAtomically } from '../files/atomic.ts';
import { withLock } from '../lock/lock.ts';

export const IDS_PER_RANGE = 65_536;

/** The ids of a zone: uid and gid 0 inside are `first` outside. */
export interface IdRange {
  readonly first: number;
  readonly count: typeof IDS_PER_RANGE;
}

/** The range of a key, which gets one now if it has none. Durable before it returns. @throws NoUidRangeLeft */
export async function claimRange(node: Node, key: string): Promise<IdRange> {
  const known = (await readRanges(node))[key];
  if (known !== undefined) return rangeAt(node, known);
  return withLock(lockOf(node), async () => {
    const ranges = await readRanges(node);
    const index = ranges[key] ?? firstFree(ranges, node);
    if (ranges[key] === undefined) await writeRanges(node, { ...ranges, [key]: index });
    return rangeAt(node, index);
  });
}

/** The range of a key, undefined when it has none. */
export async function findRange(node: Node, key: string): Promise<IdRange | undefined> {
  const index = (await readRanges(node))[key];
  return index === undefined ? undefined : rangeAt(node, index);
}

/** Give a range back. Only when nothing on disk or in the kernel carries its ids any more. */
export async function releaseRange(node: Node, key: string): Promise<void> {
  await withLock(lockOf(node), async () => {
    const { [key]: released, ...rest } = await readRanges(node);
    if (released !== undefined) await writeRanges(node, rest);
  });
}

type Ranges = Readonly<Record<string, number>>;

async function readRanges(node: Node): Promise<Ranges> {
  const text = await readFileIfPresent(node.paths.uidRanges);
  return text === undefined ? {} : (JSON.parse(text) as Ranges);
}

async function writeRanges(node: Node, ranges: Ranges): Promise<void> {
  await writeFileAtomically(node.paths.uidRanges, `${JSON.stringify(ranges, null, 2)}\n`, { durable: true });
}

function firstFree(ranges: Ranges, node: Node): number {
  const taken = new Set(Object.values(ranges));
  for (let index = 0; index < node.uidRanges.count; index++) {
    if (!taken.has(index)) return index;
  }
  throw hostErrors.NoUidRangeLeft({ count: node.uidRanges.count });
}

function rangeAt(node: Node, index: number): IdRange {
  return { first: node.uidRanges.first + index * IDS_PER_RANGE, count: IDS_PER_RANGE };
}

function lockOf(node: Node) {
  return { scope: node.paths.config, name: 'uid-ranges', action: 'claim of a uid range' };
}
