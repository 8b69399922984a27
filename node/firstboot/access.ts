import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';
import { run } from '../../host/run/run.ts';
import type { Access } from './plan.ts';

/** Let root in: by a password whose hash is given, by keys besides those that are there. */
export async function giveAccess({ passwordHash, authorizedKeys }: Access, home = '/root'): Promise<void> {
  if (passwordHash !== undefined) await run(['chpasswd', '--encrypted'], { input: `root:${passwordHash}\n` });
  if (authorizedKeys.length === 0) return;
  const directory = join(home, '.ssh');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, 'authorized_keys');
  const present = ((await readFileIfPresent(path)) ?? '').split('\n').filter((line) => line !== '');
  const missing = authorizedKeys.filter((key) => !present.includes(key));
  if (missing.length > 0) await writeFileAtomically(path, `${[...present, ...missing].join('\n')}\n`, { durable: true });
}
