/**
 * The ids of an image's own accounts (chrony, postgres …) are handed out when it is built, and may be others in the next one.
 * What such an account has in the pool then changes its owner along.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';
import { run } from '../../host/run/run.ts';

/** Far from every account's and every zone's: files are on their way while they have such an id. */
const ON_THE_WAY = 0x7f00_0000;

type Moves = ReadonlyMap<number, number>;

/**
 * Give files to the accounts' new ids. A power cut in the middle is made good by the next call: files first go to ids
 * that nobody has, and no file goes there again once the first comes back.
 * @param base the image's account files of the last boot; who calls replaces them afterwards
 */
export async function followIds({ base, image, directories }: { readonly base: string; readonly image: string; readonly directories: readonly string[] }): Promise<void> {
  const uids = await movesIn('passwd', base, image);
  const gids = await movesIn('group', base, image);
  if (uids.size === 0 && gids.size === 0) return;
  await mkdir(base, { recursive: true, mode: 0o700 });
  const [halfWay, thisMove] = [join(base, 'half-way'), JSON.stringify([[...uids], [...gids]])];
  if ((await readFileIfPresent(halfWay)) !== thisMove) {
    await giveAway(directories, { uids: leaving(uids), gids: leaving(gids) });
    await writeFileAtomically(halfWay, thisMove, { durable: true });
  }
  await giveAway(directories, { uids: arriving(uids), gids: arriving(gids) });
}

async function movesIn(name: string, base: string, image: string): Promise<Moves> {
  const [before, now] = (await Promise.all([base, image].map((directory) => readFileIfPresent(join(directory, name))))).map((text) => idsOf(text ?? ''));
  return new Map([...(before ?? [])].flatMap(([account, id]) => (now?.has(account) && now.get(account) !== id ? [[id, now.get(account) ?? id] as const] : [])));
}

function idsOf(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').map((line) => line.split(':'));
  return new Map(lines.flatMap(([name = '', , id = '']) => (/^\d+$/.test(id) ? [[name, Number(id)] as const] : [])));
}

function leaving(moves: Moves): Moves {
  return new Map([...moves.keys()].map((id) => [id, ON_THE_WAY + id]));
}

function arriving(moves: Moves): Moves {
  return new Map([...moves].map(([from, to]) => [ON_THE_WAY + from, to]));
}

async function giveAway(directories: readonly string[], { uids, gids }: { readonly uids: Moves; readonly gids: Moves }): Promise<void> {
  const clauses = [...clausesOf('-uid', 'chown', uids), ...clausesOf('-gid', 'chgrp', gids)];
  const expression = clauses.flatMap((clause, index) => (index === 0 ? clause : [',', ...clause]));
  await run(['find', ...directories, '-xdev', ...expression]);
}

function clausesOf(test: string, program: string, moves: Moves): string[][] {
  return [...moves].map(([from, to]) => ['(', test, String(from), '-exec', program, '--no-dereference', String(to), '{}', '+', ')']);
}
