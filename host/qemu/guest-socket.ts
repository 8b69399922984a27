import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { hostErrors } from '../errors/host-errors.ts';

/** Linux's; Node has no name for it. */
const O_PATH = 0o10000000;

/**
 * Connect to a socket in a directory that a machine may write in. What a guest that broke into QEMU puts there in its place,
 * a link to a socket of the host's say, is not followed.
 * @throws UnsafePath when something else has the name; system errors (ENOENT, ECONNREFUSED) when nobody listens
 */
export async function connectGuestSocket(path: string): Promise<Socket> {
  const place = await open(path, O_PATH | constants.O_NOFOLLOW);
  try {
    if (!(await place.stat()).isSocket()) throw hostErrors.UnsafePath({ path, reason: 'it is not a socket' });
    const socket = connect({ path: `/proc/self/fd/${place.fd}`, allowHalfOpen: true });
    await once(socket, 'connect');
    return socket;
  } finally {
    await place.close();
  }
}
