import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { isSystemError } from '../host/errors/errors.ts';
import { agentSocket } from './client/local-agent.ts';
import { agentErrors } from './errors.ts';
import { listenAt } from './listen.ts';
import type { AgentApp } from './server/app.ts';
import { introduce, type Caller } from './server/caller.ts';
import { limits } from './server/limits.ts';
import type { Node } from '../host/config/node-config.ts';

/** Listen on the node's own socket, which only root can connect to. @returns the server, to be closed */
export async function listenLocally(node: Node, app: AgentApp): Promise<Server> {
  const server = serverFor(app, { role: 'local', name: 'root' });
  await listenAt(server, agentSocket(node), { uid: 0, gid: 0 });
  return server;
}

/** Answer what monitoring asks, and nothing else, to whoever is on this node. @throws PortTaken */
export async function listenOnLoopback(port: number, app: AgentApp): Promise<Server> {
  const server = serverFor(app, { role: 'monitor', name: 'loopback' });
  server.listen({ port, host: '127.0.0.1' });
  try {
    await once(server, 'listening');
  } catch (error) {
    if (isSystemError(error, 'EADDRINUSE', 'EACCES')) throw agentErrors.PortTaken({ port }, { cause: error });
    throw error;
  }
  // It alone does not keep an agent that could not be started.
  return server.unref();
}

function serverFor(app: AgentApp, caller: Caller): Server {
  const server = createServer(limits(), (request, response) => app.routing(request, response));
  server.on('connection', (socket) => introduce(socket, caller));
  server.maxConnections = MOST_CONNECTIONS;
  return server;
}

/** Every CLI that runs is one. */
const MOST_CONNECTIONS = 1024;
