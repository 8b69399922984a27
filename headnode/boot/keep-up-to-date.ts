/** Keeps the snapshot what the database says: all of it now and then, what has changed at once. What cannot be had leaves it as it is. */
import type Logger from 'bunyan';
import { formatAddress, parseAddress } from '../networks/addresses.ts';
import type { BootState } from './answers.ts';
import type { BootCache } from './cache.ts';
import { lookUpAll, lookUpMachines, type LookUp } from './look-up.ts';

export interface KeepUpToDate {
  readonly lookUp: LookUp;
  readonly range: { readonly start: string; readonly end: string };
  readonly state: BootState;
  readonly cache: BootCache;
  readonly log: Logger;
}

const ALL_SECONDS = 300;
const CHANNEL = 'boot_changed';

export async function keepUpToDate({ lookUp, range, state, cache, log }: KeepUpToDate): Promise<{ close(): Promise<void> }> {
  const changed = new Set<string>();
  let everything = true;
  let working: Promise<void> = Promise.resolve();
  let closed = false;

  const all = async (): Promise<void> => {
    const snapshot = await lookUpAll(lookUp);
    if (!snapshot) {
      log.warn({ address: lookUp.address }, 'the boot service waits: no network of the head node has its address; add it with `zonewright head network add`');
      return;
    }
    await reserveRange(lookUp, snapshot.site.network.uuid, range);
    state.snapshot = snapshot;
    await cache.keep(snapshot);
  };
  const some = async (which: readonly string[]): Promise<void> => {
    const { snapshot } = state;
    if (!snapshot) return await all();
    const machines = new Map(snapshot.machines);
    for (const [mac, { server }] of machines) if (which.includes(mac) || (server !== undefined && which.includes(server))) machines.delete(mac);
    const found = await lookUpMachines(lookUp, snapshot.site, which);
    for (const machine of found) machines.set(machine.mac, machine);
    state.snapshot = { ...snapshot, machines };
    for (const machine of found) await cache.keepMachine(machine);
  };
  /** One at a time, so that an older answer never replaces a newer one. Words that come meanwhile are taken together. */
  const work = (): Promise<void> => {
    working = working.then(async () => {
      const which = [...changed];
      const whole = everything;
      if (closed || (!whole && which.length === 0)) return;
      changed.clear();
      everything = false;
      try {
        await (whole ? all() : some(which));
      } catch (error) {
        everything = true;
        log.error({ err: error }, 'the boot service keeps its former answers: the database did not tell it new ones');
        return;
      }
      await state.onChange?.();
    });
    return working;
  };

  state.refresh = async (macs) => {
    for (const mac of macs) changed.add(mac);
    await work();
  };
  const stopListening = await lookUp.database.listen(CHANNEL, (which) => {
    if (which === undefined || which === '') everything = true;
    else changed.add(which);
    void work();
  });
  const timer = setInterval(() => {
    everything = true;
    void work();
  }, ALL_SECONDS * 1000);
  await work();
  return {
    async close() {
      closed = true;
      clearInterval(timer);
      await stopListening();
      await working;
    },
  };
}

const LARGEST_RANGE = 4096n;

/** Addresses for machines that nobody knows yet are given to nobody else. */
async function reserveRange({ database }: LookUp, network: string, { start, end }: KeepUpToDate['range']): Promise<void> {
  const [first, last] = [parseAddress(start), parseAddress(end)];
  if (!first || !last || last.value < first.value || last.value - first.value >= LARGEST_RANGE) return;
  const addresses = Array.from({ length: Number(last.value - first.value) + 1 }, (_, index) => formatAddress({ family: 4, value: first.value + BigInt(index) }));
  await database.query('INSERT INTO ips (network_uuid, ip, reserved) SELECT $1, given.ip, true FROM unnest($2::inet[]) AS given (ip) JOIN networks n ON n.uuid = $1 AND given.ip << n.subnet ON CONFLICT (network_uuid, ip) DO NOTHING', [network, addresses]);
}
