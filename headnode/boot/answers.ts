/** What machines are answered, out of the snapshot. The database is asked for two things only: a machine that nobody knows, and boots that happen once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type Logger from 'bunyan';
import type { Database } from '../db/database.ts';
import type { BootAnswers } from './boot-app.ts';
import { takeInMachine } from './first-sight.ts';
import { bootScript, firstScript, waitScript, type BootServer } from './ipxe-script.ts';
import { leasedAddress } from './leases.ts';
import { modulesArchive, modulesOf } from './modules.ts';
import { takeNextBoot, type NextBoot } from './next-boot.ts';
import type { Machine, Snapshot } from './snapshot.ts';

/** What the parts of the boot service share. */
export interface BootState {
  /** Undefined on the first start, until the database has been asked. */
  snapshot: Snapshot | undefined;
  /** Undefined until the head is composed. */
  database: Database | undefined;
  /** Called when the snapshot is another one; resolves when DHCP knows of it. */
  onChange?: () => Promise<void>;
  /** Look machines up anew, by their MAC addresses. */
  refresh?: (macs: readonly string[]) => Promise<void>;
}

export interface AnswersOptions {
  readonly state: BootState;
  readonly server: BootServer;
  readonly leases: string;
  readonly platforms: string;
  readonly log: Logger;
}

/** How long a machine that boots is kept waiting for the database. */
const PATIENCE_MILLISECONDS = 5000;

export function newBootAnswers({ state, server, leases, platforms, log }: AnswersOptions): BootAnswers {
  return {
    first: () => firstScript(server),
    modules(mac) {
      const machine = state.snapshot?.machines.get(mac);
      if (!state.snapshot || !machine) return undefined;
      const { site } = state.snapshot;
      return new Map([['modules.cpio', modulesArchive(machine, site)], ...modulesOf(machine, site).map(({ path, content }) => [path, content] as const)]);
    },
    async script(mac, from) {
      const machine = state.snapshot?.machines.get(mac) ?? (await firstSight(mac, from));
      if (machine === 'later') return waitScript(server, 'unknown');
      if (!machine) return undefined;
      try {
        return await scriptOf(machine, await nextBootOf(machine, from));
      } catch (error) {
        log.error({ err: error, mac }, 'no boot script can be made for a machine');
        return waitScript(server, 'invalid');
      }
    },
  };

  /** Only a machine that DHCP has just given an address is taken in: a name in a request alone costs us nothing. */
  async function firstSight(mac: string, from: string): Promise<Machine | 'later' | undefined> {
    if ((await leasedAddress(leases, mac)) !== from) return undefined;
    const { snapshot, database } = state;
    if (!snapshot || !database) return 'later';
    try {
      await inTime(takeInMachine(database, snapshot.site.network.uuid, mac));
      await inTime(state.refresh?.([mac]) ?? Promise.resolve());
      log.info({ mac }, 'a machine was seen for the first time');
    } catch (error) {
      log.error({ err: error, mac }, 'a machine could not be taken in');
    }
    return state.snapshot?.machines.get(mac) ?? 'later';
  }

  /** What happens once is for the machine itself, not for whoever asks in its name. */
  async function nextBootOf({ server: uuid, pending, ip, mac }: Machine, from: string): Promise<NextBoot> {
    if (!pending || uuid === undefined || from !== ip || !state.database) return { kind: 'usual' };
    try {
      const next = await inTime(takeNextBoot(state.database, uuid));
      void state.refresh?.([mac]);
      return next;
    } catch (error) {
      log.error({ err: error, mac }, 'the database does not say whether this boot is another one than usual');
      return { kind: 'usual' };
    }
  }

  async function scriptOf(machine: Machine, next: NextBoot): Promise<string> {
    if (next.kind === 'trial' && (await isHere(next.platform))) return bootScript(machine, { platform: next.platform, server, mode: { trialSeconds: next.seconds } });
    const { platform } = machine.params;
    if (platform === undefined || !(await isHere(platform))) return waitScript(server, 'no-platform');
    return bootScript(machine, { platform, server, mode: { rescue: next.kind === 'rescue' } });
  }

  async function isHere(platform: string): Promise<boolean> {
    return await stat(join(platforms, platform, 'platform/x86_64/vmlinuz')).then(() => true, () => false);
  }
}

async function inTime<Result>(work: Promise<Result>): Promise<Result> {
  const clock = new AbortController();
  const late = sleep(PATIENCE_MILLISECONDS, undefined, { signal: clock.signal }).then(() => {
    throw new Error('the database did not answer in time');
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clock.abort();
    work.catch(() => undefined);
  }
}
