import { once } from 'node:events';
import { chmod, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions as TlsOptions } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { headErrors } from '../errors.ts';
import type { App } from './app.ts';

/** Where an app is to be heard. One app may have several places. */
export interface Place {
  /** A host address and a port (0 for a free one), or the path of a unix socket that only its owner may connect to. */
  readonly at: { readonly host: string; readonly port: number } | { readonly path: string };
  readonly tls?: TlsOptions;
  /** Seconds for the head of a request to arrive. Default 10. */
  readonly headSeconds?: number;
}

export interface Listener {
  /** Undefined for a unix socket. */
  readonly address: AddressInfo | undefined;
  readonly server: Server;
  /** Take no more requests; those that run have a moment to end. */
  close(): Promise<void>;
}

/**
 * Let an app be heard at a place. Who connects must say what it wants soon: connections that send nothing, or a request's
 * head byte by byte, are cut off.
 * @throws ListenFailed
 */
export async function listen(app: App, { at, tls, headSeconds = 10 }: Place): Promise<Listener> {
  await app.ready();
  const options = { headersTimeout: headSeconds * 1000, requestTimeout: 0, keepAliveTimeout: 75_000, connectionsCheckingInterval: 1000, maxHeaderSize: 32_768 };
  const server: HttpServer = tls ? createHttpsServer({ ...options, ...tls, handshakeTimeout: headSeconds * 1000 }) : createHttpServer(options);
  server.on('request', app.routing);
  server.maxConnections = MOST_CONNECTIONS;
  if ('path' in at) await rm(at.path, { force: true });
  try {
    server.listen(at);
    await once(server, 'listening');
  } catch (error) {
    throw headErrors.ListenFailed({ place: 'path' in at ? at.path : `${at.host}:${at.port}`, reason: error instanceof Error ? error.message : String(error) }, { cause: error });
  }
  // Its directory is for its owner alone, so there is no moment in which others can connect.
  if ('path' in at) await chmod(at.path, 0o600);
  const address = server.address();
  return { address: typeof address === 'object' ? (address ?? undefined) : undefined, server, close: () => close(server) };
}

const MOST_CONNECTIONS = 20_000;
const GRACE_MILLISECONDS = 2000;

async function close(server: HttpServer): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  const impatience = setTimeout(() => server.closeAllConnections(), GRACE_MILLISECONDS);
  await closed;
  clearTimeout(impatience);
}
