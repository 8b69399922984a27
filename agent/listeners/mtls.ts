/**
 * The agent's API for head nodes: on the admin network alone, by mutual TLS. Who does not show a certificate of our authority that
 * says `head`, is in its time and was not revoked is turned away before a request of his is read.
 */
import { once } from 'node:events';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { detailsOf } from '../../host/pki/certificate.ts';
import { reasonAgainstHead } from '../identity/head-check.ts';
import type { Identity } from '../identity/identity.ts';
import type { Log } from '../log.ts';
import { introduce } from '../server/caller.ts';
import { limits } from '../server/limits.ts';

export interface MtlsListenerOptions {
  readonly identity: Identity;
  /** An address of this node on the admin network. */
  readonly address: string;
  /** 5309 as cn-agent's, or 0 for a free one. */
  readonly port: number;
  readonly log: Log;
  isRevoked(fingerprint: string): boolean;
  /** Answers a request whose sender is known to be a head node. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** For tests: shorter times. */
  readonly limits?: ServerOptions;
}

export interface MtlsListener {
  readonly port: number;
  /** From now on with another certificate; connections that there are stay. */
  renew(identity: Identity): void;
  close(): Promise<void>;
}

export const AGENT_PORT = 5309;
const MOST_CONNECTIONS = 256;
const HANDSHAKE_MILLISECONDS = 10_000;

/** @throws system errors when the address is not this host's or the port is taken */
export async function listenMtls(options: MtlsListenerOptions): Promise<MtlsListener> {
  const { address, port, log, isRevoked, handle } = options;
  const server = createServer({
    ...limits(),
    handshakeTimeout: HANDSHAKE_MILLISECONDS,
    ...contextOf(options.identity),
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
    ...options.limits,
  });
  server.maxConnections = MOST_CONNECTIONS;
  const reasonAgainst = (socket: TLSSocket): Error | undefined => {
    const certificate = socket.getPeerX509Certificate();
    if (!certificate || !socket.authorized) return new Error('it shows no certificate of our authority');
    // A connection may outlast its certificate.
    return detailsOf(certificate).notAfter < new Date() ? new Error('its certificate expired') : reasonAgainstHead(certificate, isRevoked);
  };
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const reason = reasonAgainst(socket);
    if (!reason) return introduce(socket, { role: 'head', name: 'head' });
    log.warn(`turned away a caller: ${reason.message}`, { address: socket.remoteAddress });
    socket.destroy();
  });
  server.on('tlsClientError', (error, socket) => {
    log.warn(`turned away a caller: ${'code' in error ? String(error.code) : error.name}`, { address: socket.remoteAddress });
    socket.destroy();
  });
  server.on('request', (request, response) => {
    if (reasonAgainst(request.socket as TLSSocket)) request.socket.destroy();
    else handle(request, response);
  });
  await listening(server, address, port);
  server.on('error', (error) => log.failure('-', 'listener for the head node', error));
  return {
    port: (server.address() as AddressInfo).port,
    renew: (identity) => server.setSecureContext(contextOf(identity)),
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** The authority's own certificate goes along, for clients that know it by its fingerprint alone. */
function contextOf({ key, certificate, ca }: Identity): Pick<ServerOptions, 'key' | 'cert' | 'ca' | 'minVersion'> {
  return { key, cert: `${certificate.trimEnd()}\n${ca}`, ca: [ca], minVersion: 'TLSv1.3' };
}
