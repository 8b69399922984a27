/**
 * The boot service of a head process: DHCP and TFTP by dnsmasq, scripts and files by HTTP, on the admin interface alone.
 *
 * It is opened before the database is, and answers from what was kept. When the head is composed it is connected: from then on the
 * database is asked for everything every five minutes, and for what has changed at once; what it says is kept again. Of several
 * head processes in one data directory one serves; another one takes over when it ends.
 */
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type Logger from 'bunyan';
import type { HeadConfig } from '../config.ts';
import type { Database } from '../db/database.ts';
import { listen, type Listener } from '../http/listen.ts';
import { hostAddresses } from '../../host/net/bridge.ts';
import { tryLock, type Lock } from '../../host/lock/lock.ts';
import { headErrors } from '../errors.ts';
import { newBootAnswers, type BootState } from './answers.ts';
import { newBootApp } from './boot-app.ts';
import { openBootCache } from './cache.ts';
import { dnsmasqConfig, dnsmasqHosts } from './dnsmasq-config.ts';
import { dnsmasqUser, openDnsmasq } from './dnsmasq.ts';
import { keepUpToDate } from './keep-up-to-date.ts';

/** Debian's package `ipxe`. */
export const LOADERS = '/usr/lib/ipxe';

export interface BootServiceOptions {
  /** The head's data directory. */
  readonly directory: string;
  readonly config: NonNullable<HeadConfig['boot']>;
  /** The head's address on the admin network. */
  readonly address: string;
  readonly log: Logger;
}

export interface BootService {
  /** Take answers from the database from now on, and keep them. Resolves when the first have come, or could not. */
  connect(head: { readonly database: Database; readonly datacenter: string; readonly caFingerprint: string }): Promise<void>;
  close(): Promise<void>;
}

export async function openBootService({ directory, config, address, log }: BootServiceOptions): Promise<BootService> {
  const places = { files: join(directory, 'boot'), cache: join(directory, 'boot-cache'), platforms: join(directory, 'platforms') };
  const cache = await openBootCache(places.cache, log);
  await mkdir(places.files, { recursive: true });
  await chmod(places.files, 0o755);
  const state: BootState = { snapshot: await cache.read(), database: undefined };
  const leases = join(places.files, 'leases');
  const server = { address, port: config.port };
  const answers = newBootAnswers({ state, server, leases, platforms: places.platforms, log });
  const app = newBootApp({ log, answers, platforms: places.platforms, loaders: LOADERS });
  const dnsmasq = openDnsmasq({ directory: places.files, log });
  let lock: Lock | undefined;
  let listener: Listener | undefined;
  let keeper: { close(): Promise<void> } | undefined;

  /** Bring about what is missing. */
  const look = async (): Promise<void> => {
    lock ??= await tryLock({ scope: directory, name: 'boot' });
    if (!lock) return;
    listener ??= await listen(app, { at: { host: address, port: config.port } });
    if (!state.snapshot) return;
    const { site, machines } = state.snapshot;
    const options = {
      interface: config.interface ?? (await interfaceOf(address)),
      address,
      httpPort: config.port,
      range: config.range,
      loaders: LOADERS,
      files: { leases, hosts: join(places.files, 'hosts') },
      user: await dnsmasqUser(),
    };
    await dnsmasq.apply({ config: dnsmasqConfig(site, options), hosts: dnsmasqHosts(machines.values()) });
  };
  const looking = repeat(look, { seconds: LOOK_SECONDS, onError: (error) => log.error({ err: error }, 'the boot service is not whole; tried again soon') });
  state.onChange = looking.now;
  await looking.now();
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await keeper?.close();
    await looking.stop();
    await dnsmasq.close();
    await listener?.close();
    await app.close();
    await lock?.release();
  };

  return {
    async connect({ database, ...head }) {
      state.database = database;
      keeper = await keepUpToDate({ lookUp: { database, address, ...head, onInvalid: (mac, error) => log.warn({ err: error, mac }, 'no networking.json can be made for a machine') }, range: config.range, state, cache, log });
    },
    close: () => (closing ??= close()),
  };
}

const LOOK_SECONDS = 5;

/** @throws BootServiceFailed */
async function interfaceOf(address: string): Promise<string> {
  const found = (await hostAddresses()).find((one) => one.address === address);
  if (!found) throw headErrors.BootServiceFailed({ reason: `no interface of this host has the address ${address}` });
  return found.interface;
}

/** Do work now and again, one at a time. The same failure is told once. */
function repeat(work: () => Promise<void>, { seconds, onError }: { readonly seconds: number; onError(error: unknown): void }): { now(): Promise<void>; stop(): Promise<void> } {
  let told: string | undefined;
  let last = Promise.resolve();
  const now = (): Promise<void> => {
    last = last.then(work).then(
      () => void (told = undefined),
      (error: unknown) => {
        const words = error instanceof Error ? error.message : String(error);
        if (words !== told) onError(error);
        told = words;
      },
    );
    return last;
  };
  const timer = setInterval(() => void now(), seconds * 1000);
  return {
    now,
    async stop() {
      clearInterval(timer);
      await last;
    },
  };
}
