/** Calls to the agents on the nodes, by mutual TLS: each must show the certificate of the node that it is asked for. */
import type { PeerCertificate } from 'node:tls';
import { tlsTransport, type AgentRequest, type Transport } from '../../agent/client/transport.ts';
import { holderUri, type Sysinfo } from '../../agent/wire/index.ts';
import type { HeadIdentity } from '../pki/open-pki.ts';

export interface AgentAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface Agents {
  /**
   * Ask the agent of a server.
   * @throws AgentAway when it cannot be reached, or the connection breaks before all of the answer is here
   */
  ask(server: { readonly uuid: string; readonly sysinfo: Sysinfo }, request: AgentRequest): Promise<AgentAnswer>;
  /** Use another certificate from now on. */
  renew(identity: HeadIdentity): void;
  close(): void;
}

/** The agent cannot be asked now. Never leaves servers/. */
export class AgentAway extends Error {
  override readonly name = 'AgentAway';
}

const ANSWER_BYTES = 64 * 1024 * 1024;
/** Each waiting task holds a connection. */
const CONNECTIONS_PER_AGENT = 128;

export function openAgents(first: HeadIdentity): Agents {
  let identity = first;
  const transports = new Map<string, Promise<Transport>>();
  const transportTo = (uuid: string, host: string, port: number): Promise<Transport> => {
    const name = `${uuid} ${host} ${port}`;
    const known = transports.get(name);
    if (known) return known;
    const { ca, certificate: cert, key } = identity;
    const tls = {
      ca,
      cert,
      key,
      minVersion: 'TLSv1.3' as const,
      maxSockets: CONNECTIONS_PER_AGENT,
      checkServerIdentity: (_host: string, { subjectaltname }: PeerCertificate) =>
        subjectaltname === `URI:${holderUri({ role: 'node', uuid })}` ? undefined : new Error(`the agent's certificate is not that of server ${uuid}`),
    };
    const made = tlsTransport({ host, port, tls });
    transports.set(name, made);
    return made;
  };
  const closeAll = (): void => {
    for (const transport of transports.values()) void transport.then((one) => one.close());
    transports.clear();
  };
  return {
    async ask({ uuid, sysinfo }, request) {
      const host = sysinfo['CN Agent IP'] ?? sysinfo['Admin IP'];
      const port = sysinfo['CN Agent Port'];
      if (!host || port === undefined) throw new AgentAway('its sysinfo does not say where its agent listens');
      try {
        const { status, body } = await (await transportTo(uuid, host, port)).send(request);
        return { status, body: await readJson(body) };
      } catch (error) {
        throw new AgentAway(error instanceof Error ? error.message : String(error), { cause: error });
      }
    },
    renew(next) {
      identity = next;
      // Requests that run keep their connections.
      transports.clear();
    },
    close: closeAll,
  };
}

async function readJson(body: AsyncIterable<unknown>): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.length;
    if (size > ANSWER_BYTES) throw new Error('the answer is too large');
    chunks.push(bytes);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  return text.trim() === '' ? {} : JSON.parse(text);
}
