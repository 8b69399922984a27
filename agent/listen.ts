import { once } from 'node:events';
import { chmod, chown, rename, rm, stat } from 'node:fs/promises';
import type { Server } from 'node:net';
import type { Ownership } from '../host/files/beneath.ts';

/**
 * Listen on a unix socket that only its owner may connect to. It appears under its name when all of that is true, in
 * the place of one that a dead agent left.
 * @returns its inode, which tells this socket from a later one of the same name
 */
export async function listenAt(server: Server, path: string, owner: Ownership): Promise<bigint> {
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  server.listen({ path: temporary });
  await once(server, 'listening');
  await chmod(temporary, 0o600);
  await chown(temporary, owner.uid, owner.gid);
  const { ino } = await stat(temporary, { bigint: true });
  await rename(temporary, path);
  return ino;
}
