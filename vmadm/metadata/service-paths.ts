/** Where the metadata service and those who need it meet. */
import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';

/** Name of a zone's socket in the directory that the zone sees. */
export const ZONE_SOCKET = 'metadata.sock';

/** One directory per zone that is served, and the service's own socket. */
export function serviceDirectory(node: Node): string {
  return join(node.runDirectory, 'metadata');
}

/** The directory that a zone sees read-only. It is there as long as the zone is to be served. */
export function zoneDirectory(node: Node, uuid: string): string {
  return join(serviceDirectory(node), uuid);
}

/** Where the service is asked to serve, to show itself and to stop; for root alone. */
export function controlSocket(node: Node): string {
  return join(serviceDirectory(node), 'control.sock');
}

/** The directory that holds one directory per machine. */
export function machinesDirectory(node: Node): string {
  return join(node.runDirectory, 'machines');
}

/** A machine's second serial port, on which QEMU listens. */
export function machineSerial(node: Node, uuid: string): string {
  return join(machinesDirectory(node), uuid, 'sockets', 'ttyb');
}

/** What the service prints. */
export function serviceLog(node: Node): string {
  return join(node.runDirectory, 'agent.log');
}
