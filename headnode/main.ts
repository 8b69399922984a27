/**
 * A head process from start to end: its database, its services, its listeners. It ends on a signal; several of them run side by side on one database.
 */
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Server as TlsServer } from 'node:tls';
import bunyan from 'bunyan';
import { isErrorCode } from '../host/errors/errors.ts';
import { openBootService, type BootService } from './boot/boot-service.ts';
import { composeHead, type Head, type HeadOptions } from './compose.ts';
import type { HeadConfig } from './config.ts';
import type { Database } from './db/database.ts';
import { openDatabase, type DatabasePlace } from './db/open-database.ts';
import { listen, type Listener } from './http/listen.ts';
import type { HeadIdentity } from './pki/open-pki.ts';
import { socketPath } from './socket-path.ts';

export interface HeadStart {
  /** The data directory. */
  readonly directory: string;
  readonly config: HeadConfig;
  /** `DATABASE_URL`. */
  readonly databaseUrl?: string | undefined;
  /** Ends the waiting for a database, which is only waited for while the boot service answers. */
  readonly signal?: AbortSignal;
}

export interface RunningHead {
  readonly head: Head;
  readonly database: Database;
  readonly internal: Listener;
  readonly admin: Listener | undefined;
  readonly cloudapi: Listener;
  close(): Promise<void>;
}

/** Run a head process until a signal ends it. @returns the exit status */
export async function main(start: HeadStart): Promise<number> {
  // Nothing that it makes is for anyone but its user, unless it says so.
  process.umask(0o077);
  const ended = Promise.withResolvers<void>();
  const impatience = new AbortController();
  void ended.promise.then(() => impatience.abort());
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => ended.resolve());
  const running = await startHead({ ...start, signal: impatience.signal });
  const place = ({ address }: Listener): string => (address ? `${address.address}:${address.port}` : '');
  process.stdout.write(`Head node in ${start.directory}\n  internal  http://${place(running.internal)}\n`);
  process.stdout.write(`  nodes     ${running.admin ? `https://${place(running.admin)}` : 'none can join: no admin address'}\n  CloudAPI  ${place(running.cloudapi)}\n`);
  await ended.promise;
  await running.close();
  return 0;
}

/** Start a head process. @throws what opening its database or a listener throws */
export async function startHead(start: HeadStart): Promise<RunningHead> {
  const { directory, config } = start;
  // The database server's own user passes through it; what is in it is private by itself.
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o711);
  await mkdir(join(directory, 'run'), { recursive: true, mode: 0o700 });
  const log = bunyan.createLogger({ name: 'zonewright-head', stream: process.stderr, level: config.log_level, serializers: { err: bunyan.stdSerializers.err } });
  const boot = config.boot && config.admin ? await openBootService({ directory, config: config.boot, address: config.admin.address, log }) : undefined;
  try {
    return await startServices(start, { log, boot });
  } catch (error) {
    await boot?.close();
    throw error;
  }
}

async function startServices(start: HeadStart, { log, boot }: { readonly log: bunyan; readonly boot: BootService | undefined }): Promise<RunningHead> {
  const { directory, config } = start;
  const database = await (boot ? openPatiently(start, log) : openDatabase(placeOf(start)));
  const listeners: Listener[] = [];
  const bound: { adminPort?: number; cloudapiPort?: number } = {};
  const admin = config.admin && adminOf(config.admin, bound);
  const head = await composed({ directory, database, log, ...(admin ? { admin } : {}), policy: config, cloudapi: { datacenter: config.datacenter, url: () => publicUrl(config.cloudapi, bound.cloudapiPort) } });
  const close = async (): Promise<void> => {
    clearInterval(renewal);
    await boot?.close();
    await Promise.all(listeners.map((listener) => listener.close()));
    await head.close();
  };
  let renewal: NodeJS.Timeout | undefined;
  try {
    const opened = await openListeners(head, start);
    listeners.push(...opened.all);
    if (opened.cloudapi.address) bound.cloudapiPort = opened.cloudapi.address.port;
    if (opened.admin?.address) bound.adminPort = opened.admin.address.port;
    await head.servers.liveness.announce();
    await boot?.connect({ database, datacenter: config.datacenter, caFingerprint: head.pki.caFingerprint });
    let { expires } = head.identity;
    renewal = setInterval(async () => void (expires = await renewIdentity(head, { expires, names: admin ?? { ips: [], dns: [] }, server: opened.admin?.server as TlsServer | undefined, log })), RENEWAL_LOOK_MILLISECONDS);
    return { head, database, internal: opened.internal, admin: opened.admin, cloudapi: opened.cloudapi, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Machines boot meanwhile, out of what the boot service has kept. @throws what is no matter of time, and the last failure when it is to end */
async function openPatiently(start: HeadStart, log: bunyan): Promise<Database> {
  for (;;) {
    try {
      return await openDatabase(placeOf(start));
    } catch (error) {
      if (!(isErrorCode(error, 'DatabaseUnreachable') || isErrorCode(error, 'PostgresFailed')) || start.signal?.aborted) throw error;
      log.error({ err: error }, 'the database is waited for');
      await sleep(DATABASE_MILLISECONDS, undefined, { ...(start.signal ? { signal: start.signal } : {}) }).catch(() => undefined);
    }
  }
}

const DATABASE_MILLISECONDS = 2000;

function placeOf({ directory, config, databaseUrl }: HeadStart): DatabasePlace {
  if (databaseUrl !== undefined) return { kind: 'url', url: databaseUrl };
  if (config.database === 'postgres') return { kind: 'private-postgres', directory: join(directory, 'postgres') };
  return { kind: 'pglite', directory: join(directory, 'database') };
}

async function composed(options: Omit<HeadOptions, 'name'>): Promise<Head> {
  try {
    return await composeHead({ ...options, name: `${hostname()}/${process.pid}` });
  } catch (error) {
    await options.database.close();
    throw error;
  }
}

/** @param bound the port that was found, when the configuration leaves it open */
function adminOf({ address, port, names }: NonNullable<HeadConfig['admin']>, bound: { readonly adminPort?: number }): NonNullable<HeadOptions['admin']> {
  const host = address.includes(':') ? `[${address}]` : address;
  return { url: () => `https://${host}:${bound.adminPort ?? port}`, ips: [address], dns: names };
}

/** @param bound the port that was found, when the configuration leaves it open */
function publicUrl({ url, address, port, certificate }: HeadConfig['cloudapi'], bound = port): string {
  return url ?? `${certificate === undefined ? 'http' : 'https'}://${address.includes(':') ? `[${address}]` : address}:${bound}`;
}

async function openListeners(head: Head, { directory, config }: HeadStart) {
  const all: Listener[] = [];
  const open = async (...args: Parameters<typeof listen>): Promise<Listener> => {
    const listener = await listen(...args);
    all.push(listener);
    return listener;
  };
  try {
    // A second process of this directory leaves the commands to the first one.
    if (!(await answers(socketPath(directory)))) await open(head.internal, { at: { path: socketPath(directory) } });
    const internal = await open(head.internal, { at: { host: config.internal.address, port: config.internal.port } });
    const { admin: place, cloudapi: public_ } = config;
    const admin = place ? await open(head.internal, { at: { host: place.address, port: place.port }, tls: { ...tlsOf(head.identity), requestCert: true, rejectUnauthorized: false } }) : undefined;
    const tls = public_.certificate !== undefined && public_.key !== undefined ? { tls: { cert: await readFile(public_.certificate), key: await readFile(public_.key), minVersion: 'TLSv1.2' as const } } : {};
    const cloudapi = await open(head.cloudapi, { at: { host: public_.address, port: public_.port }, ...tls });
    return { internal, admin, cloudapi, all };
  } catch (error) {
    await Promise.all(all.map((listener) => listener.close()));
    throw error;
  }
}

/** The CA's own certificate goes along: a node that joins knows it by its fingerprint alone. */
function tlsOf({ ca, certificate, key }: HeadIdentity) {
  return { ca, cert: `${certificate.trimEnd()}\n${ca}`, key, minVersion: 'TLSv1.3' as const };
}

const RENEWAL_LOOK_MILLISECONDS = 60 * 60 * 1000;
const RENEW_BEFORE_MILLISECONDS = 30 * 24 * 60 * 60 * 1000;

/** A month before its end the certificate is replaced, on the listener and for calls to agents. @returns the end of the one in use */
async function renewIdentity(head: Head, { expires, names, server, log }: Renewal): Promise<Date> {
  if (expires.getTime() - Date.now() > RENEW_BEFORE_MILLISECONDS) return expires;
  try {
    const fresh = await head.pki.identify(names);
    head.servers.agents.renew(fresh);
    server?.setSecureContext(tlsOf(fresh));
    return fresh.expires;
  } catch (error) {
    log.error({ err: error }, 'the certificate could not be renewed; tried again in an hour');
    return expires;
  }
}

interface Renewal {
  readonly expires: Date;
  readonly names: { readonly ips: readonly string[]; readonly dns: readonly string[] };
  readonly server: TlsServer | undefined;
  readonly log: bunyan;
}

async function answers(path: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ path }, () => resolve(socket.destroy().destroyed));
    socket.on('error', () => resolve(false));
  });
}
