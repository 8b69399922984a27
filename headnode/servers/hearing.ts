/** What agents say, and what they hear back (agent/wire/messages.ts). */
import { isDeepStrictEqual } from 'node:util';
import type { HeadAnswer, Heartbeat, Register, Status } from '../../agent/wire/index.ts';
import type { Database } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import type { Revocations } from '../pki/revocations.ts';
import type { WireObject } from '../services.ts';
import type { ServerCache } from './cache.ts';
import type { Counted, Liveness } from './liveness.ts';
import { register, takeAllVms, takeOneVm, takeStatus, type Taken, type VmMap } from './registry.ts';
import type { Reporter } from './reporter.ts';

export interface Hearing {
  /** @throws InvalidArgument when the sysinfo is another server's */
  register(uuid: string, message: Register): Promise<HeadAnswer>;
  /** @throws ServerNotFound */
  heartbeat(uuid: string, message: Heartbeat): Promise<HeadAnswer>;
  /** @throws ServerNotFound */
  status(uuid: string, message: Status): Promise<HeadAnswer>;
  /** @throws ServerNotFound */
  allVms(uuid: string, vms: VmMap): Promise<HeadAnswer>;
  /** @throws ServerNotFound */
  oneVm(uuid: string, vm: WireObject & { readonly uuid: string }): Promise<HeadAnswer>;
}

export interface HearingOptions {
  readonly database: Database;
  readonly cache: ServerCache;
  readonly liveness: Liveness;
  readonly reporter: Reporter;
  readonly revocations: Pick<Revocations, 'list' | 'version'>;
}

export function openHearing({ database, cache, liveness, reporter, revocations }: HearingOptions): Hearing {
  /** Which list of revocations a server has; each gets it after a start of ours and whenever it has changed. */
  const told = new Map<string, number>();
  const answer = (uuid: string, wants: NonNullable<HeadAnswer['wants']> = []): HeadAnswer => {
    const version = revocations.version();
    const news = told.get(uuid) !== version;
    told.set(uuid, version);
    return { ...(wants.length > 0 ? { wants } : {}), ...(news ? { revoked: [...revocations.list()] } : {}) };
  };
  const unknown = (server: string): never => {
    told.delete(server);
    throw headErrors.ServerNotFound({ server });
  };
  const heard = async (uuid: string, message: Counted): Promise<HeadAnswer> => {
    const outcome = await liveness.heard(uuid, message);
    if (outcome === 'unknown') return unknown(uuid);
    return answer(uuid, outcome === 'unregistered' ? ['register'] : []);
  };
  const handOver = (uuid: string, taken: Taken): void => {
    cache.touch(uuid);
    if (taken.outcome !== 'taken') return;
    const { before, vms } = taken;
    void reporter.report({ serverUuid: uuid, status: 'running', vms, changed: changesIn(before, vms) });
  };

  return {
    async register(uuid, message) {
      await register(database, uuid, message);
      cache.touch(uuid);
      await heard(uuid, message);
      told.delete(uuid);
      return answer(uuid, ['status', 'vms']);
    },
    heartbeat: heard,
    async status(uuid, message) {
      const taken = await takeStatus(database, uuid, message);
      handOver(uuid, taken);
      if (taken.outcome === 'unknown') return unknown(uuid);
      if (taken.outcome === 'unregistered') return answer(uuid, ['register']);
      return await heard(uuid, message);
    },
    async allVms(uuid, vms) {
      const taken = await takeAllVms(database, uuid, vms);
      handOver(uuid, taken);
      return taken.outcome === 'unknown' ? unknown(uuid) : answer(uuid);
    },
    async oneVm(uuid, vm) {
      const taken = await takeOneVm(database, uuid, vm);
      handOver(uuid, taken);
      return taken.outcome === 'unknown' ? unknown(uuid) : answer(uuid);
    },
  };
}

/** Instances that are new, other in what a status tells, or gone. One that came with more than that is told as well. */
function changesIn(before: VmMap, vms: VmMap): string[] {
  const gone = Object.keys(before).filter((uuid) => !(uuid in vms));
  return [...Object.keys(vms).filter((uuid) => !isDeepStrictEqual(before[uuid], vms[uuid])), ...gone];
}
