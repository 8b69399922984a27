import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readFileIfPresent, writeFileAtomically } from '../../../host/files/atomic.ts';
import { zfsDaemonEnvironment } from '../../../host/zfs/fuse-credentials/build.ts';
import { run } from '../../../host/run/run.ts';
import { ready, wanting, type SetupStep } from '../step.ts';
import { systemdRuns, unitPath, unitTexts } from '../systemd.ts';
import { hasModule } from './zfs.ts';

const PROGRAM = join(import.meta.dirname, '../../../bin/zonewright');

/** Units that bring the node back after a reboot, where systemd runs. */
export const unitsStep: SetupStep = {
  name: 'units',
  async inspect(setup) {
    if (!setup.options.units) return ready('left out, as asked');
    if (!systemdRuns()) return ready('no systemd here: run `zonewright setup` again after a reboot');
    const missing = await outdated();
    return missing.length === 0 ? ready('installed') : wanting(`install ${missing.map(([name]) => name).join(', ')}`);
  },
  async perform() {
    const units = await outdated();
    for (const [name, text] of units) await writeFileAtomically(unitPath(name), text, { durable: true, mode: 0o644 });
    await run(['systemctl', 'daemon-reload']);
    const names = units.map(([name]) => name);
    // Not started here: the node's unit would run this very command. The agent's is, by a later step.
    await run(['systemctl', '--quiet', 'enable', ...names]);
    return `${names.join(', ')} installed and enabled`;
  },
};

async function outdated(): Promise<Array<[name: string, text: string]>> {
  const wanted = [...unitTexts(PROGRAM, (await superviseDaemon()) ? await zfsDaemonEnvironment() : undefined)];
  const present = await Promise.all(wanted.map(([name]) => readFileIfPresent(unitPath(name))));
  return wanted.filter(([, text], index) => present[index] !== text);
}

/** A daemon that the host's administrator enabled stays the host's; otherwise it is ours to keep alive. */
async function superviseDaemon(): Promise<boolean> {
  if (await hasModule()) return false;
  if (!existsSync('/lib/systemd/system/zfs-fuse.service')) return true;
  const { exitCode } = await run(['systemctl', '--quiet', 'is-enabled', 'zfs-fuse.service'], { acceptExitCodes: [0, 1, 4] });
  return exitCode !== 0;
}
