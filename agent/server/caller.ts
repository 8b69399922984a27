/** Who calls. A listener knows it of each connection; each route says which roles may call it. */
import type { FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { agentErrors } from '../errors.ts';

/** `local`: root on this node, by the unix socket. `head`: a head node, by its certificate. `monitor`: anyone on this node. */
export type Role = 'local' | 'head' | 'monitor';

export interface Caller {
  readonly role: Role;
  /** Who it is, for the audit trail: `root`, or the name that a certificate proves. */
  readonly name: string;
}

const callers = new WeakMap<Socket, Caller>();

/** Remember who is at the other end of a connection. A listener does so before its first request is read. */
export function introduce(socket: Socket, caller: Caller): void {
  callers.set(socket, caller);
}

/** Who sent a request; undefined when no listener vouched for the connection. */
export function callerOf(request: IncomingMessage): Caller | undefined {
  return callers.get(request.socket);
}

/** Who sent a request that a route has taken: its role was checked. */
export function callerOfRequest(request: FastifyRequest): Caller {
  const caller = callerOf(request.raw);
  if (!caller) throw agentErrors.ResourceNotFound();
  return caller;
}
