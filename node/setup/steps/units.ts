import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from '../../../host/files/atomic.ts';
import { zfsDaemonEnvironment } from '../../../host/zfs/fuse-credentials/build.ts';
import { run } from '../../../host/run/run.ts';
import { ready, wanting, type SetupStep } from '../step.ts';
import { systemdRuns, unitInForce, unitPath, unitTexts } from '../systemd.ts';
import { hasModule } from './zfs.ts';

const PROGRAM = join(import.meta.dirname, '../../../bin/zonewright');
const HOSTS_DAEMON = 'zfs-fuse.service';

/** Units that bring the node back after a reboot, where systemd runs. */
export const unitsStep: SetupStep = {
  name: 'units',
  async inspect(setup) {
    if (!setup.options.units) return ready('left out, as asked');
    if (!systemdRuns()) return ready('no systemd here: run `zonewright setup` again after a reboot');
    const { outdated, disabled } = await examine();
    if (outdated.size > 0) return wanting(`install ${[...outdated.keys()].join(', ')}`);
    return disabled.length === 0 ? ready('installed') : wanting(`enable ${disabled.join(', ')}`);
  },
  async perform() {
    if (await isIdleDaemonOfHost()) await run(['systemctl', '--quiet', 'disable', '--now', HOSTS_DAEMON]);
    const { names, outdated } = await examine();
    for (const [name, text] of outdated) await writeFileAtomically(unitPath(name), text, { durable: true, mode: 0o644 });
    if (outdated.size > 0) await run(['systemctl', 'daemon-reload']);
    // Not started here: the node's unit would run this very command. The agent's is, by a later step.
    await run(['systemctl', '--quiet', 'enable', ...names]);
    return `${names.join(', ')} installed and enabled`;
  },
};

interface Examination {
  readonly names: readonly string[];
  /** What systemd goes by is not what this program needs. */
  readonly outdated: ReadonlyMap<string, string>;
  readonly disabled: readonly string[];
}

async function examine(): Promise<Examination> {
  const wanted = [...unitTexts(PROGRAM, (await superviseDaemon()) ? await zfsDaemonEnvironment() : undefined)];
  const inForce = await Promise.all(wanted.map(([name]) => unitInForce(name)));
  const names = wanted.map(([name]) => name);
  const enabled = await Promise.all(names.map(isEnabled));
  return { names, outdated: new Map(wanted.filter(([, text], index) => inForce[index] !== text)), disabled: names.filter((_, index) => !enabled[index]) };
}

/** A daemon that the host's administrator uses stays the host's; otherwise it is ours to keep alive. */
async function superviseDaemon(): Promise<boolean> {
  if (await hasModule()) return false;
  return !(await isEnabled(HOSTS_DAEMON)) || (await isIdleDaemonOfHost());
}

/** Debian starts zfs-fuse as soon as it is installed. One that has no pool serves nobody, and not as zones need it. */
async function isIdleDaemonOfHost(): Promise<boolean> {
  if ((await hasModule()) || !(await isEnabled(HOSTS_DAEMON))) return false;
  const { exitCode, stdout } = await run(['zpool', 'list', '-H', '-o', 'name'], { acceptExitCodes: [0, 1, 2] });
  return exitCode === 0 && stdout.trim() === '';
}

async function isEnabled(unit: string): Promise<boolean> {
  if (unit === HOSTS_DAEMON && !existsSync(`/lib/systemd/system/${HOSTS_DAEMON}`)) return false;
  const { exitCode } = await run(['systemctl', '--quiet', 'is-enabled', unit], { acceptExitCodes: [0, 1, 4] });
  return exitCode === 0;
}
