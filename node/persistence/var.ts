import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';
import { run } from '../../host/run/run.ts';
import { systemdRuns } from '../setup/systemd.ts';
import { addMissing } from './skeleton.ts';

/** What describes the image and not the node: a kept one would describe the platform that the node once began with. */
const OF_THE_IMAGE = ['lib/dpkg', 'lib/systemd/catalog', 'cache/ldconfig'] as const;

export interface VarPlaces {
  /** The mounted dataset that becomes /var, and that which becomes its log directory. */
  readonly store: string;
  readonly logs: string;
  readonly var: string;
  /** Where what is hidden stays reachable. */
  readonly system: string;
}

/**
 * /var in the pool. The first boot copies what the image has there; that of a newer platform adds what is missing. Programs
 * that run already keep the files that they have open; the journal is told to open its own anew.
 */
export async function mountVar(places: VarPlaces): Promise<void> {
  await addFromImage(places);
  const hidden = join(places.system, 'var');
  await mkdir(hidden, { recursive: true });
  const journal = await journalOfMemory();
  await bindAlone(places.var, hidden);
  await bindAlone(places.store, places.var);
  await bindAlone(places.logs, join(places.var, 'log'));
  for (const path of OF_THE_IMAGE) {
    await mkdir(join(places.var, path), { recursive: true });
    await mkdir(join(hidden, path), { recursive: true });
    await bindAlone(join(hidden, path), join(places.var, path));
  }
  await journal.toPool();
}

/** What is mounted on it shall not show up in the directory that it is of, nor the other way round. */
async function bindAlone(from: string, onto: string): Promise<void> {
  await run(['mount', '--bind', '--make-private', '--', from, onto]);
}

async function addFromImage({ store, logs, var: directory }: VarPlaces): Promise<void> {
  const seen = join(store, '.zonewright-platform');
  const platform = (await readFileIfPresent('/etc/zonewright-platform')) ?? '';
  if ((await readFileIfPresent(seen)) === platform) return;
  await addMissing(directory, store, [...OF_THE_IMAGE, 'log']);
  await mkdir(join(store, 'log'), { recursive: true });
  await addMissing(join(directory, 'log'), logs);
  await writeFileAtomically(seen, platform, { durable: true, mode: 0o644 });
}

/** While /var changes under a journal that runs, it writes to /run; where none runs yet there is nothing to tell. */
async function journalOfMemory(): Promise<{ toPool(): Promise<void> }> {
  if (!systemdRuns()) return { toPool: async () => undefined };
  const { exitCode } = await run(['journalctl', '--relinquish-var'], { acceptExitCodes: [0, 1] });
  return {
    async toPool() {
      if (exitCode === 0) await run(['journalctl', '--flush'], { acceptExitCodes: [0, 1] });
    },
  };
}
