import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { everythingIsThereOnce } from '../accounts.ts';
import type { Checks } from '../check.ts';
import { answers } from '../head-host.ts';
import { prompt } from '../prompt.ts';
import { ordinaryDay } from '../session.ts';
import { bootFleet, type BootedFleet, type Platforms } from './fleet.ts';
import { zonesAreKeptApart } from './inside.ts';
import { headIsRebooted, secondVersion, twoMisfortunes } from './life.ts';
import { optionsOf } from './ssh.ts';
import { vlansAreApart } from './vlans.ts';

/** A fleet of machines that really boot: from nothing to its second version. */
export async function liveBooted(sandbox: string, keep: boolean, checks: Checks): Promise<void> {
  const platforms = JSON.parse(await readFile(process.env['ZONEWRIGHT_FLEET_PLATFORMS'] ?? '', 'utf8')) as Platforms;
  const logs = process.env['ZONEWRIGHT_FLEET_LOGS'] ?? join(sandbox, 'logs');
  checks.tell(`What the consoles say goes to ${logs}.`);
  const fleet = await bootFleet({ directory: join(sandbox, 'fleet'), logs, emulator: platforms.emulator }, platforms, checks);
  try {
    const instances = await ordinaryDay(fleet, checks);
    if (keep) {
      for (const { host } of [fleet.head, ...fleet.nodes]) checks.tell(`${host.name.padEnd(6)} nsenter --target ${process.pid} --net -- ssh ${optionsOf(fleet.access).slice(0, 4).join(' ')} root@${host.address}`);
      return await prompt(fleet);
    }
    await zonesAreKeptApart(fleet, instances, checks);
    instances.push(...(await vlansAreApart(fleet, checks)));
    await twoMisfortunes(fleet, platforms, checks);
    await secondVersion(fleet, platforms, checks);
    await headIsRebooted(fleet, checks);
    await everythingIsThereOnce(fleet, instances, checks);
    process.stdout.write(`\nThe booted fleet did what it should: ${checks.count} checks, ${instances.length} instances.\n`);
  } catch (error) {
    await keepJournals(fleet, logs);
    throw error;
  } finally {
    await Promise.all([...fleet.machines.map((machine) => machine.cutPower()), ...fleet.helpers.map((helper) => helper.kill())]);
  }
}

/** What the machines that can still be asked say of this boot, beside their consoles. */
async function keepJournals({ head, nodes }: BootedFleet, logs: string): Promise<void> {
  for (const { host } of [head, ...nodes]) {
    await answers(async () => {
      const { stdout } = await host.run(['journalctl', '--boot', '--no-pager', '--output=short-precise'], { timeout: 120_000 });
      await writeFile(join(logs, `${host.name}.journal.log`), stdout);
    });
  }
}
