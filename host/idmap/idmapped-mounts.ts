import { existsSync } from 'node:fs';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { run } from '../run/run.ts';

const FIRST_ID = 268_435_456;

/**
 * Whether the file system of a directory can be mounted with other ids, tried in a mount namespace of its own. The answer
 * is no as well when `mount` is too old (before util-linux 2.39) to try it: zones then work another way.
 */
export async function idmappedMountsWork(directory: string): Promise<boolean> {
  if (!existsSync(directory) || !(await mountKnowsIdmaps())) return false;
  const target = await mkdtemp(join(tmpdir(), 'zonewright-idmap-'));
  try {
    const argv = ['unshare', '--mount', '--propagation', 'private', '--', 'mount', '--bind', '-o', `X-mount.idmap=b:0:${FIRST_ID}:65536`, '--', directory, target] as const;
    const { exitCode } = await run([...argv], { acceptExitCodes: [0, 1, 32] });
    return exitCode === 0;
  } finally {
    await rmdir(target);
  }
}

async function mountKnowsIdmaps(): Promise<boolean> {
  const { stdout } = await run(['mount', '--version']);
  const [, major = '0', minor = '0'] = /util-linux (\d+)\.(\d+)/.exec(stdout) ?? [];
  return Number(major) > 2 || Number(minor) >= 39;
}
