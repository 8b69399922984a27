import { IDS_PER_RANGE } from '../../../host/idmap/ranges.ts';
import { readFileIfPresent, writeFileAtomically } from '../../../host/files/atomic.ts';
import { nodeErrors } from '../../errors.ts';
import { ready, wanting, type Setup, type SetupStep } from '../step.ts';

const FILES = ['/etc/subuid', '/etc/subgid'] as const;

/** Where zones' ids may lie: far above what useradd, LXD and Docker hand out, and below 2³¹. The first free one is taken. */
const BLOCKS = [0x1000_0000, 0x4000_0000, 0x5000_0000, 0x3000_0000];
const SIZES = [0x4000_0000, 0x2000_0000, 0x1000_0000];

/** A block of ids that root may hand to user namespaces and nobody else has. */
export const uidRangesStep: SetupStep = {
  name: 'uid ranges',
  async inspect(setup) {
    const block = await chooseIds(setup);
    const missing = await filesWithout(block);
    const text = `${block.first} to ${block.first + block.count - 1}`;
    return missing.length === 0 ? ready(`ids ${text}`) : wanting(`give root the ids ${text} in ${missing.join(' and ')}`);
  },
  async perform(setup) {
    const block = await chooseIds(setup);
    for (const path of await filesWithout(block)) {
      const text = (await readFileIfPresent(path)) ?? '';
      const separator = text === '' || text.endsWith('\n') ? '' : '\n';
      await writeFileAtomically(path, `${text}${separator}${lineOf(block)}\n`, { durable: true, mode: 0o644 });
    }
    return `ids ${block.first} to ${block.first + block.count - 1}`;
  },
};

/** A block of ids; both numbers are multiples of a zone's share. */
export interface IdBlock {
  readonly first: number;
  readonly count: number;
}

/** The block that this node has, else the first that no line of anybody's touches. @throws UidRangesTaken */
export async function chooseIds({ last }: Pick<Setup, 'last'>): Promise<IdBlock> {
  if (last) return { first: last.uidRanges.first, count: last.uidRanges.count * IDS_PER_RANGE };
  const texts = await Promise.all(FILES.map(readFileIfPresent));
  const block = freeBlock(texts.map((text) => text ?? ''));
  if (!block) throw nodeErrors.UidRangesTaken({ count: SIZES.at(-1) ?? 0, path: FILES.join(' and ') });
  return block;
}

/** The first block that is free in the texts of /etc/subuid and /etc/subgid; a line that is exactly ours does not count. */
export function freeBlock(texts: readonly string[]): IdBlock | undefined {
  const lines = texts.flatMap((text) => text.split('\n'));
  for (const count of SIZES) {
    for (const first of BLOCKS) {
      const block = { first, count };
      if (first + count <= 0x8000_0000 && lines.every((line) => line.trim() === lineOf(block) || !touches(line, block))) return block;
    }
  }
  return undefined;
}

function touches(line: string, { first, count }: IdBlock): boolean {
  const [, start = '', length = ''] = line.trim().split(':');
  if (!/^\d+$/.test(start) || !/^\d+$/.test(length)) return false;
  return Number(start) < first + count && first < Number(start) + Number(length);
}

async function filesWithout(block: IdBlock): Promise<string[]> {
  const texts = await Promise.all(FILES.map(readFileIfPresent));
  return FILES.filter((_, index) => !(texts[index] ?? '').split('\n').some((line) => line.trim() === lineOf(block)));
}

function lineOf({ first, count }: IdBlock): string {
  return `root:${first}:${count}`;
}
