/**
 * Metadata for every guest of the node; for machines also their screens and their supervision.
 *
 * Which guests there are is read from the run directory: a zone is served while it has its directory there, a machine
 * while it has its serial socket. Whoever boots one asks for it by name, so that it is served before its first
 * instruction; a slow look around takes up what nobody asked for, after a restart say, and drops what is gone.
 */
import { existsSync } from 'node:fs';
import { namesIn } from '../../host/files/names-in.ts';
import type { Node } from '../../host/config/node-config.ts';
import { isUuid } from '../../host/config/units.ts';
import { isSystemError } from '../../host/errors/errors.ts';
import { instanceStore } from '../../vmadm/metadata/instance-store.ts';
import { newRecordReader } from '../../vmadm/metadata/record-reader.ts';
import { machineSerial, machinesDirectory, serviceDirectory, zoneDirectory } from '../../vmadm/metadata/service-paths.ts';
import type { Log } from '../log.ts';
import { openScreens } from '../machines/screens.ts';
import { openSupervision } from '../machines/supervision.ts';
import type { Guest } from './guest.ts';
import { serveMachine } from './machine.ts';
import { serveZone } from './zone.ts';

const RESCAN_MILLISECONDS = 2000;

export interface MetadataService {
  /** Serve a guest; resolves when it would be answered. */
  serve(uuid: string): Promise<void>;
  /** Look which guests there are now. */
  rescan(): Promise<void>;
  /** How long no guest has run and nobody has asked for one to be served. */
  idleMilliseconds(): number;
  close(): void;
}

/** Open the service. It rescans by itself from then on. */
export function openMetadataService(node: Node, log: Log): MetadataService {
  const records = newRecordReader(node);
  const guests = new Map<string, Guest>();
  const attendants = [openScreens(node, records, log), openSupervision(node, log)];
  const inTurn = newQueue();
  let activeAt = performance.now();

  async function take(uuid: string): Promise<void> {
    await answer(uuid);
    if (!existsSync(machineSerial(node, uuid))) return;
    for (const attendant of attendants) await attendant.attend(uuid);
  }

  async function answer(uuid: string): Promise<void> {
    const present = guests.get(uuid);
    if (present && (await present.isReachable())) return;
    drop(uuid);
    const store = instanceStore(node, uuid, records);
    guests.set(uuid, existsSync(zoneDirectory(node, uuid)) ? await serveZone(node, uuid, store, log) : serveMachine(node, uuid, store, log));
  }

  function drop(uuid: string): void {
    guests.get(uuid)?.close();
    guests.delete(uuid);
    for (const attendant of attendants) attendant.leave(uuid);
  }

  async function lookAround(): Promise<void> {
    const wanted = await guestsOf(node);
    for (const uuid of guests.keys()) if (!wanted.has(uuid)) drop(uuid);
    for (const uuid of wanted) await take(uuid).catch((error: unknown) => failed(uuid, error));
    if (await anyRuns(guests)) activeAt = performance.now();
  }

  /** One that went away while we looked is no failure. */
  function failed(uuid: string, error: unknown): void {
    if (!isSystemError(error, 'ENOENT')) log.failure(uuid, 'serving', error);
  }

  const rescan = (): Promise<void> => inTurn(lookAround);
  const timer = setInterval(() => void rescan().catch((error: unknown) => log.failure('-', 'rescan', error)), RESCAN_MILLISECONDS);
  return {
    serve(uuid) {
      activeAt = performance.now();
      return inTurn(() => take(uuid));
    },
    rescan,
    idleMilliseconds: () => performance.now() - activeAt,
    close() {
      clearInterval(timer);
      for (const uuid of [...guests.keys()]) drop(uuid);
      for (const attendant of attendants) attendant.close();
    },
  };
}

async function guestsOf(node: Node): Promise<Set<string>> {
  const [zones, machines] = await Promise.all([serviceDirectory(node), machinesDirectory(node)].map(async (directory) => (await namesIn(directory)).filter(isUuid)));
  return new Set([...(zones ?? []), ...(machines ?? []).filter((uuid) => existsSync(machineSerial(node, uuid)))]);
}


async function anyRuns(guests: ReadonlyMap<string, Guest>): Promise<boolean> {
  for (const guest of guests.values()) if (await guest.isRunning()) return true;
  return false;
}

/** Two looks at the same guest at a time would both listen for it. */
function newQueue(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work, work);
    last = result.catch(() => undefined);
    return result;
  };
}
