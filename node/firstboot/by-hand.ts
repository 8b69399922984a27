import { existsSync } from 'node:fs';
import { loadNode, nodeConfigPath } from '../../host/config/node-config.ts';
import type { Say } from '../boot/story.ts';
import { nodeErrors } from '../errors.ts';
import { answersFromFile } from './answer-sources.ts';
import { takeConsoles } from './consoles.ts';
import { HungUp, openDialogue, type Terminal } from './dialogue.ts';
import { finishInstallation } from './finish.ts';
import { firstBoot, unattendedPlan } from './first-boot.ts';
import { carryOut } from './fleet.ts';
import { lookAtMachine } from './machine.ts';
import type { InstallPlan } from './plan.ts';
import { summaryOf } from './summary.ts';
import { askWizard } from './wizard.ts';

export interface ByHand {
  readonly file: string | undefined;
  readonly dryRun: boolean;
  readonly terminal: Terminal;
  readonly isRamBooted: boolean;
  readonly say: Say;
}

/** `zonewright install`: by somebody who is logged in. @throws InstallAborted when nobody answers */
export async function installByHand({ file, dryRun, terminal, isRamBooted, say }: ByHand): Promise<void> {
  if (!dryRun) requireInstallable(isRamBooted);
  const found = file === undefined ? undefined : await answersFromFile(file);
  const beforehand = found && (await unattendedPlan(found, await lookAtMachine()));
  const plan = beforehand ?? (await askedPlan(terminal, found?.answers));
  if (beforehand ?? dryRun) for (const line of summaryOf(plan)) say(line);
  if (!dryRun) await carryOut(plan, say);
}

/** What the first boot's unit does, and again at the next boot when it did not come to its end. */
export async function installOnConsoles(say: Say): Promise<void> {
  if (existsSync(nodeConfigPath())) return finishInstallation(await loadNode(), say);
  const consoles = await takeConsoles();
  try {
    await firstBoot(consoles, say);
    consoles.say('This machine is a node now.');
  } finally {
    await consoles.release();
  }
}

async function askedPlan(terminal: Terminal, preset: Parameters<typeof askWizard>[2]): Promise<InstallPlan> {
  const dialogue = openDialogue(terminal);
  try {
    return (await askWizard(dialogue, await lookAtMachine(), preset)).plan;
  } catch (error) {
    if (error instanceof HungUp) throw nodeErrors.InstallAborted({ reason: 'there was nobody to ask' }, { cause: error });
    throw error;
  } finally {
    dialogue.close();
  }
}

/** On a host with a root on disk `zonewright setup` is what is meant; a node would lose what it is. */
function requireInstallable(isRamBooted: boolean): void {
  if (existsSync(nodeConfigPath())) throw nodeErrors.InstallAborted({ reason: 'this machine is a node already' }, { hint: '`zonewright factory-reset` takes everything away at the next boot.' });
  if (!isRamBooted) throw nodeErrors.InstallAborted({ reason: 'this host was not booted from a platform image' }, { hint: '`zonewright setup` makes a host with a root on disk a node.' });
}
