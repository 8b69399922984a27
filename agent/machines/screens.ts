/**
 * Screens of machines. QEMU speaks VNC on a unix socket that only root reaches; here it is passed on to a port of the node's
 * (reference §3.5), on its admin network, or on loopback for a machine without a password: whoever is on the admin network
 * could take its keyboard otherwise, and zones are there too.
 */
import { once } from 'node:events';
import { createServer, isIPv4, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Node } from '../../host/config/node-config.ts';
import { isSystemError } from '../../host/errors/errors.ts';
import { hostAddresses } from '../../host/net/bridge.ts';
import { readNicTags } from '../../host/net/nic-tags.ts';
import { connectGuestSocket } from '../../host/qemu/guest-socket.ts';
import { SOCKETS } from '../../host/qemu/machine.ts';
import { hasVncPassword } from '../../host/qemu/process.ts';
import { machineRuntime } from '../../vmadm/machines/runtime.ts';
import { isWrittenDown, readScreen, writeScreen } from '../../vmadm/machines/screen.ts';
import { versionOf, type RecordReader } from '../../vmadm/metadata/record-reader.ts';
import type { VmRecord } from '../../vmadm/payload/index.ts';
import { recordPath } from '../../vmadm/store/records.ts';
import type { Log } from '../log.ts';
import type { Attendant } from './attendant.ts';

/** People that look at one machine at a time. */
const MOST_CONNECTIONS = 8;

/** Open the screens of a node; which there are is told by `attend`. */
export function openScreens(node: Node, records: RecordReader, log: Log): Attendant {
  const shown = new Map<string, Shown>();
  /** Of the records that the screens are by, so that nothing is read while none changes. */
  const versions = new Map<string, string>();

  async function attend(uuid: string): Promise<void> {
    const version = (await versionOf(recordPath(node, uuid))) ?? '';
    if (version === versions.get(uuid) && isWrittenDown(node, uuid)) return;
    const record = await records.read(uuid);
    const wanted = record && (await placeFor(node, record));
    const present = shown.get(uuid);
    if (!present || !wanted || !isAt(present, wanted)) {
      leave(uuid);
      const opened = wanted && (await listenFor(node, uuid, wanted, log));
      if (opened) shown.set(uuid, opened);
    }
    const now = shown.get(uuid);
    await writeScreen(node, uuid, now && { host: now.host, port: now.port });
    // One whose port is taken is tried again.
    if (now || !wanted) versions.set(uuid, version);
  }

  function leave(uuid: string): void {
    shown.get(uuid)?.close();
    shown.delete(uuid);
    versions.delete(uuid);
  }

  return {
    attend,
    leave,
    close() {
      for (const uuid of [...shown.keys()]) leave(uuid);
    },
  };
}

interface Place {
  readonly host: string;
  /** 0 is any. */
  readonly port: number;
}

interface Shown extends Place {
  readonly wanted: number;
  close(): void;
}

function isAt(present: Shown, wanted: Place): boolean {
  return present.host === wanted.host && present.wanted === wanted.port;
}

/** A password that the record has got since is none before the machine's next boot. */
async function placeFor(node: Node, { uuid, vnc_port: port = 0 }: VmRecord): Promise<Place | undefined> {
  if (port < 0) return undefined;
  return { host: hasVncPassword(machineRuntime(node, uuid)) ? ((await adminAddress(node)) ?? LOOPBACK) : LOOPBACK, port };
}

const LOOPBACK = '127.0.0.1';

async function adminAddress(node: Node): Promise<string | undefined> {
  const bridge = (await readNicTags(node))['admin']?.bridge;
  return (await hostAddresses()).find((one) => one.interface === bridge && isIPv4(one.address))?.address;
}

/** Any port is the one that it had before, where that is free: whoever was told of it finds it there after a restart of ours. */
async function listenFor(node: Node, uuid: string, { host, port: wanted }: Place, log: Log): Promise<Shown | undefined> {
  const before = await readScreen(node, uuid);
  const candidates = wanted === 0 ? [...(before?.host === host ? [before.port] : []), 0] : [wanted];
  for (const candidate of candidates) {
    const connections = new Set<Socket>();
    const server = newServer(node, uuid, connections, log);
    const port = await listening(server, host, candidate);
    if (port === undefined) continue;
    return {
      host,
      port,
      wanted,
      close() {
        server.close();
        for (const socket of connections) socket.destroy();
      },
    };
  }
  log.failure(uuid, `VNC on ${host} port ${wanted}`, new Error('the port is taken'));
  return undefined;
}

/** @returns the port, undefined when it is taken */
async function listening(server: Server, host: string, port: number): Promise<number | undefined> {
  try {
    server.listen({ host, port });
    await once(server, 'listening');
  } catch (error) {
    if (isSystemError(error, 'EADDRINUSE', 'EADDRNOTAVAIL')) return undefined;
    throw error;
  }
  const address = server.address();
  return typeof address === 'object' && address ? address.port : undefined;
}

function newServer(node: Node, uuid: string, connections: Set<Socket>, log: Log): Server {
  const path = join(machineRuntime(node, uuid).directory, 'sockets', SOCKETS.vnc);
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (client) => {
    connections.add(client);
    client.on('close', () => connections.delete(client));
    void passOn(client, path).catch((error: unknown) => log.failure(uuid, 'VNC connection', error));
  });
  server.maxConnections = MOST_CONNECTIONS;
  return server;
}

async function passOn(client: Socket, path: string): Promise<void> {
  client.on('error', () => undefined);
  try {
    const machine = await connectGuestSocket(path);
    await Promise.all([pipeline(client, machine), pipeline(machine, client)]);
  } catch (error) {
    // Either side hung up.
    if (!isSystemError(error, 'ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ETIMEDOUT')) throw error;
  } finally {
    client.destroy();
  }
}
