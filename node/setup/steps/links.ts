import { lstat, readlink, realpath, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../../host/errors/errors.ts';
import { nodeErrors } from '../../errors.ts';
import { ready, wanting, type SetupStep } from '../step.ts';

const PROGRAMS = ['vmadm', 'imgadm', 'zlogin', 'nictagadm', 'piadm', 'sysinfo', 'zonewright'];
const BIN = join(import.meta.dirname, '../../../bin');
const LINKS = '/usr/local/sbin';
const PACKAGED = '/usr/sbin';

/** The commands in everyone's path, when asked for. */
export const linksStep: SetupStep = {
  name: 'commands',
  async inspect({ options }) {
    if (await isPackaged()) return ready(`in ${PACKAGED}`);
    const missing = await missingLinks();
    if (missing.length === 0) return ready(`linked in ${LINKS}`);
    if (!options.link) return ready(`in ${BIN}; --link puts them into ${LINKS}`);
    return wanting(`link ${missing.join(', ')} into ${LINKS}`);
  },
  async perform() {
    const missing = await missingLinks();
    for (const program of missing) await symlink(join(BIN, program), join(LINKS, program));
    return `${missing.join(', ')} linked into ${LINKS}`;
  },
};

/** Whether these very programs are what everybody's path leads to already. */
async function isPackaged(): Promise<boolean> {
  const [ours, packaged] = await Promise.all([BIN, PACKAGED].map((directory) => targetOf(join(directory, 'zonewright'))));
  return ours !== undefined && ours === packaged;
}

async function targetOf(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function missingLinks(): Promise<string[]> {
  const missing: string[] = [];
  for (const program of PROGRAMS) if (!(await isLinked(program))) missing.push(program);
  return missing;
}

async function isLinked(program: string): Promise<boolean> {
  const path = join(LINKS, program);
  try {
    const ours = (await lstat(path)).isSymbolicLink() && (await readlink(path)) === join(BIN, program);
    if (!ours) throw nodeErrors.LinkTaken({ path });
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}
