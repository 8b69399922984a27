/** A small head node that writes down what it is told and answers what a test wants: HTTPS with the authority of the test. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseHolderUri, type Holder } from '../../agent/wire/roles.ts';
import { detailsOf } from '../../host/pki/certificate.ts';
import type { FleetPki } from './fleet-pki.ts';

export interface Heard {
  readonly method: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Who the client's certificate says it is. */
  readonly from: Holder | undefined;
}

export interface HeadReply {
  readonly status: number;
  readonly body?: unknown;
}

export interface RecordingHead {
  readonly url: string;
  readonly heard: readonly Heard[];
  /** How requests are answered from now on; 204 unless set. A promise that never resolves is a head node that hangs. */
  answer(reply: (heard: Heard) => HeadReply | Promise<HeadReply>): void;
  /** Wait until something has been heard, from the first request on or after `since` of them. */
  until(matches: (heard: Heard) => boolean, since?: number): Promise<Heard>;
  /** Be away: nothing listens, and connections are cut. */
  leave(): Promise<void>;
  /** Be back on the same port. */
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

export async function recordingHead(pki: FleetPki, holder: Holder = { role: 'head' }): Promise<RecordingHead> {
  const { key, cert } = await pki.issue(holder);
  const heard: Heard[] = [];
  let reply: (one: Heard) => HeadReply | Promise<HeadReply> = () => ({ status: 204 });
  let server = newServer();
  let port = 0;

  function newServer(): Server {
    return createServer({ key, cert: `${cert}${pki.authority.certificatePem}`, ca: pki.authority.certificatePem, requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.3' }, (request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      request.on('end', () => {
        const socket = request.socket as TLSSocket;
        const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
        const one = { method: request.method ?? '', path: request.url ?? '', body: (text === '' ? {} : JSON.parse(text)) as Heard['body'], headers: request.headers, from: certificate && parseHolderUri(detailsOf(certificate).uris[0] ?? '') };
        heard.push(one);
        void Promise.resolve(reply(one)).then(({ status, body }) => response.writeHead(status, body === undefined ? {} : { 'content-type': 'application/json' }).end(body === undefined ? undefined : JSON.stringify(body)));
      });
    });
  }

  async function listen(): Promise<void> {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  }

  async function leave(): Promise<void> {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  await listen();
  return {
    url: `https://127.0.0.1:${port}`,
    heard,
    answer: (how) => void (reply = how),
    async until(matches, since = 0) {
      for (let tries = 0; tries < 3000; tries++) {
        const found = heard.slice(since).find(matches);
        if (found) return found;
        await sleep(10);
      }
      throw new Error(`it was never heard; heard were ${heard.map(({ method, path }) => `${method} ${path}`).join(', ')}`);
    },
    leave,
    async comeBack() {
      server = newServer();
      await listen();
    },
    close: leave,
  };
}
