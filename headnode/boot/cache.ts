/**
 * The last good snapshot as files, so that machines boot while the database is down, also when the head process starts then: the
 * machines that carry the database may be among them. One file for the site, one for each machine.
 */
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type Logger from 'bunyan';
import { makePrivateDirectory, sweepTemporaries, writeFileAtomically } from '../../host/files/atomic.ts';
import { namesIn } from '../../host/files/names-in.ts';
import { dashed, machineSchema, siteSchema, type Machine, type Site, type Snapshot } from './snapshot.ts';

export interface BootCache {
  /** What was kept, without what is older than a week; undefined when nothing was. */
  read(): Promise<Snapshot | undefined>;
  /** Keep a whole snapshot, and nothing else. */
  keep(snapshot: Snapshot): Promise<void>;
  /** Keep one machine beside the others. */
  keepMachine(machine: Machine): Promise<void>;
}

const WEEK_MILLISECONDS = 7 * 24 * 60 * 60 * 1000;
const SITE = 'site.json';

export async function openBootCache(directory: string, log: Logger): Promise<BootCache> {
  await makePrivateDirectory(directory);
  await sweepTemporaries(directory);
  const place = ({ mac }: Pick<Machine, 'mac'>): string => join(directory, `${dashed(mac)}.json`);

  /** A file that cannot be used is as if it were not there. */
  async function readChecked<Value>(name: string, parse: (value: unknown) => Value): Promise<Value | undefined> {
    const path = join(directory, name);
    try {
      if (Date.now() - (await stat(path)).mtimeMs > WEEK_MILLISECONDS) return undefined;
      return parse(JSON.parse(await readFile(path, 'utf8')));
    } catch (error) {
      log.warn({ err: error, path }, 'a file of the boot cache cannot be used');
      return undefined;
    }
  }
  const keepMachine = (machine: Machine): Promise<void> => writeFileAtomically(place(machine), `${JSON.stringify(machine)}\n`, { durable: false });

  return {
    async read() {
      const names = await namesIn(directory);
      const site = names.includes(SITE) ? await readChecked<Site>(SITE, (value) => siteSchema.parse(value)) : undefined;
      if (!site) return undefined;
      const machines = await Promise.all(names.filter((name) => MACHINE_FILE.test(name)).map((name) => readChecked<Machine>(name, (value) => machineSchema.parse(value))));
      return { site, machines: new Map(machines.flatMap((machine) => (machine ? [[machine.mac, machine]] : []))) };
    },
    async keep({ site, machines }) {
      for (const machine of machines.values()) await keepMachine(machine);
      await writeFileAtomically(join(directory, SITE), `${JSON.stringify(site)}\n`, { durable: true });
      const known = new Set([SITE, ...[...machines.keys()].map((mac) => `${dashed(mac)}.json`)]);
      const gone = (await namesIn(directory)).filter((name) => MACHINE_FILE.test(name) && !known.has(name));
      for (const name of gone) await rm(join(directory, name), { force: true });
    },
    keepMachine,
  };
}

const MACHINE_FILE = /^[0-9a-f]{2}(-[0-9a-f]{2}){5}\.json$/;
