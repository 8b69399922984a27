/**
 * How a client reaches an agent: by the unix socket of this node, or from a head node by TLS with a certificate. Nothing
 * but Node's own modules is loaded: `vmadm list` starts with this.
 */
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { Agent as TlsAgent } from 'node:https';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { isSystemError } from '../../host/errors/errors.ts';

/** Imported as modules they would load all of what their lazy exports stand for, among them a whole client for fetch: 20 ms. */
const { request: httpRequest } = process.getBuiltinModule('node:http');
const { connect } = process.getBuiltinModule('node:net');

export interface AgentRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** With its query, encoded. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Seconds in which an answer must begin; as long as it takes, unless given. */
  readonly patience?: number;
  /** Ends the request, not the operation that it began. */
  readonly signal?: AbortSignal | undefined;
}

export interface AgentResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: IncomingMessage;
}

export interface Transport {
  /** Send a request. @throws system errors of the connection */
  send(request: AgentRequest): Promise<AgentResponse>;
  /** Let go of connections that are kept for later requests. */
  close(): void;
}

/**
 * A transport to the agent of this node, when one answers at its socket.
 * @returns undefined when nobody listens there
 */
export async function localTransport(socketPath: string): Promise<Transport | undefined> {
  let first = await connected(socketPath);
  if (!first) return undefined;
  return {
    send(request) {
      // The connection that showed that the agent is there carries the first request.
      const socket = first ?? connect({ path: socketPath });
      first = undefined;
      return sendBy((options, onResponse) => httpRequest(options, onResponse), { createConnection: () => socket, host: 'localhost' }, request);
    },
    close() {
      first?.destroy();
    },
  };
}

/** Whom a head node speaks to, and as whom: `tls` has its key, its certificate and the authority that agents' are checked against. */
export interface RemoteAgent {
  readonly host: string;
  readonly port: number;
  readonly tls: ConnectionOptions;
}

/** A transport to an agent by mutual TLS. Connections are kept and used again. */
export async function tlsTransport({ host, port, tls }: RemoteAgent): Promise<Transport> {
  const { Agent, request: httpsRequest } = await import('node:https');
  const agent: TlsAgent = new Agent({ keepAlive: true, maxSockets: 16, ...tls });
  return {
    send: (request) => sendBy((options, onResponse) => httpsRequest({ ...options, ...tls }, onResponse), { host, port, agent }, request),
    close: () => agent.destroy(),
  };
}

type Start = (options: RequestOptions, onResponse: (response: IncomingMessage) => void) => ClientRequest;

function sendBy(start: Start, where: RequestOptions, { method, path, body, headers, signal, patience }: AgentRequest): Promise<AgentResponse> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = start(
      {
        ...where,
        method,
        path,
        headers: { accept: 'application/json', ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }), ...headers },
        ...(signal && { signal }),
      },
      (response) => {
        clearTimeout(timer);
        resolve({ status: response.statusCode ?? 0, contentType: response.headers['content-type'] ?? '', body: response });
      },
    );
    const timer = patience === undefined ? undefined : setTimeout(() => sent.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })), patience * 1000);
    sent.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    sent.end(text);
  });
}

function connected(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error) => (isSystemError(error, 'ENOENT', 'ECONNREFUSED', 'EACCES') ? resolve(undefined) : reject(error)));
  });
}
