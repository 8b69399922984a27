/** Zones ask through a socket in a directory that is mounted into them. */
import { stat } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { isSystemError } from '../../host/errors/errors.ts';
import { isZoneRunning } from '../../host/lxc/groups.ts';
import { zoneRuntime } from '../../vmadm/instance/live.ts';
import type { MetadataStore } from '../../vmadm/metadata/conversation.ts';
import { newGuestPace, serveStream, type GuestPace } from '../../vmadm/metadata/serve-stream.ts';
import { ZONE_SOCKET, zoneDirectory } from '../../vmadm/metadata/service-paths.ts';
import { listenAt } from '../listen.ts';
import type { Log } from '../log.ts';
import type { Guest } from './guest.ts';

/** Connections of one zone at a time; what comes beyond is closed at once, and its program tries again. */
const MOST_CONNECTIONS = 16;

/** Serve a zone, whose directory must exist (`prepareZoneDirectory`): the directory's group is that of the zone's root. */
export async function serveZone(node: Node, uuid: string, store: MetadataStore, log: Log): Promise<Guest> {
  const pace = newGuestPace();
  const connections = new Set<Socket>();
  // A guest may end its side of the connection with its request and still waits for the answer.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections.add(socket);
    socket.on('error', () => undefined).on('close', () => connections.delete(socket));
    void converse(socket, store, pace).catch((error: unknown) => log.failure(uuid, 'metadata request', error));
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.on('error', (error) => log.failure(uuid, 'metadata socket', error));
  const directory = zoneDirectory(node, uuid);
  const { gid } = await stat(directory);
  const inode = await listenAt(server, join(directory, ZONE_SOCKET), { uid: gid, gid });
  return {
    isReachable: async () => (await inodeOf(join(directory, ZONE_SOCKET))) === inode,
    isRunning: () => isZoneRunning(zoneRuntime(node, uuid)),
    close() {
      server.close();
      for (const socket of connections) socket.destroy();
    },
  };
}

async function converse(socket: Socket, store: MetadataStore, pace: GuestPace): Promise<void> {
  try {
    await serveStream(socket, store, pace);
    socket.end();
  } catch (error) {
    // The guest hung up; that is no failure of ours.
    if (!isSystemError(error, 'ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE')) throw error;
  } finally {
    if (!socket.writableEnded) socket.destroy();
  }
}

async function inodeOf(path: string): Promise<bigint | undefined> {
  try {
    return (await stat(path, { bigint: true })).ino;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}
