/**
 * The first boot of a machine that is no node: it is told what it shall be by a file of answers, by its head node, or by a person on one of
 * its consoles. What is told beforehand and cannot be done is said, and then a person is asked: nothing is tried again and again.
 */
import { existsSync } from 'node:fs';
import { nodeConfigPath } from '../../host/config/node-config.ts';
import { ZonewrightError } from '../../host/errors/errors.ts';
import { poolsOnDisks } from '../../host/zfs/pool.ts';
import { kernelParameters } from '../boot/kernel-parameters.ts';
import type { Say } from '../boot/story.ts';
import { nodeErrors } from '../errors.ts';
import { defaultNetworking } from '../network/networking-for-boot.ts';
import { applyNetworking } from '../network/apply-networking.ts';
import { bringUpNetwork } from '../network/bring-up.ts';
import { answersFromKernel, findAnswers, textAt, type FoundAnswers } from './answer-sources.ts';
import type { Answers } from './answers.ts';
import type { Consoles } from './consoles.ts';
import { readHeadFile } from '../enrol/head-file.ts';
import type { Networking } from '../../host/net/networking.ts';
import { carryOut, installForHead } from './fleet.ts';
import { lookAtMachine, wakeInterfaces, type Machine } from './machine.ts';
import { hashPassword } from './password.ts';
import { missingFrom, planInstallation, type InstallPlan } from './plan.ts';
import { summaryOf } from './summary.ts';
import { askWizard } from './wizard.ts';

const INVITATION = 'Press Enter to set up this machine';

/** Make this machine a node. @throws what the installation throws when nobody is there to ask */
export async function firstBoot(consoles: Omit<Consoles, 'release'>, say: Say): Promise<void> {
  const tell = (line: string): void => {
    say(line);
    consoles.say(line);
  };
  const beforehand = await attempt(tell, () => installUnattended(tell));
  if (beforehand === 'installed' || isNode(tell)) return;
  const preset = beforehand ?? {};
  await consoles.converse(INVITATION, async (dialogue) => {
    for (;;) {
      const { plan } = await askWizard(dialogue, await lookAtMachine(), preset);
      const done = await attempt((line) => dialogue.say(line), async () => {
        await carryOut(plan, tell);
        return true;
      });
      if (done || isNode(tell)) return;
    }
  });
}

/** Once there is a node in a pool there is nothing to ask any more. */
function isNode(tell: Say): boolean {
  if (!existsSync(nodeConfigPath())) return false;
  tell('This machine is a node, but its installation is not complete: the next boot goes on with it.');
  return true;
}

/** @returns answers that are not enough, for the wizard to begin with */
async function installUnattended(tell: Say): Promise<'installed' | Answers> {
  const parameters = await kernelParameters();
  const fromKernel = answersFromKernel(parameters);
  await wakeInterfaces();
  const { document, problems } = await bringUpNetwork({});
  for (const problem of problems) tell(`network: ${problem}`);
  const found = await findAnswers(parameters, async (url) => {
    if (!document) await bringUpAnyNetwork();
    return textAt(url);
  });
  const head = await readHeadFile();
  if (!found && head) {
    await installForHead(head, document ?? (await bringUpAnyNetwork()), tell);
    return 'installed';
  }
  if (!found) return fromKernel;
  tell(`answers: ${found.source}`);
  const plan = await unattendedPlan({ ...found, answers: { ...fromKernel, ...found.answers } }, await lookAtMachine());
  if (!plan) return withHash({ ...fromKernel, ...found.answers });
  for (const line of summaryOf(plan)) tell(line);
  await carryOut(plan, tell);
  return 'installed';
}

/**
 * What answers make without a person.
 * @returns undefined when a person has to be asked: something is missing, or would be lost, and the answers do not say `confirm`
 * @throws AnswersIncomplete, PoolUnavailable and what planning throws
 */
export async function unattendedPlan({ answers, source }: FoundAnswers, machine: Machine): Promise<InstallPlan | undefined> {
  const missing = missingFrom(answers);
  if (missing.length > 0) {
    if (answers.confirm !== true) return undefined;
    throw nodeErrors.AnswersIncomplete({ source, keys: missing.join(', ') });
  }
  const plan = await planInstallation(await withHash(answers), machine);
  if (plan.lost.length === 0) return plan;
  if (answers.confirm !== true) return undefined;
  await requireNoLostPool(plan);
  return plan;
}

/** A pool that cannot be imported just now may be this very node's, with a disk that is late. */
async function requireNoLostPool({ lost: disks }: InstallPlan): Promise<void> {
  if (!disks.some(({ content }) => content?.startsWith('pool '))) return;
  const lost = (await poolsOnDisks()).filter(({ state }) => state !== 'ONLINE' && state !== 'DEGRADED');
  if (lost.length > 0) throw nodeErrors.PoolUnavailable({ pools: lost.map(({ name, state }) => `${name} (${state})`).join(', ') });
}

async function withHash({ root_password, ...answers }: Answers): Promise<Answers> {
  return root_password === undefined ? answers : { ...answers, root_password_hash: await hashPassword(root_password) };
}

/** @throws NoNetworkInterface */
async function bringUpAnyNetwork(): Promise<Networking> {
  const document = await defaultNetworking();
  if (!document) throw nodeErrors.NoNetworkInterface({ wanted: 'with something at its other end' });
  await applyNetworking(document);
  return document;
}

/** Tell what goes wrong, and go on. @returns undefined then */
async function attempt<Result>(tell: Say, act: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof ZonewrightError)) {
      tell(`FAILED by a mistake of Zonewright's: ${String(error)}; journalctl -u zonewright-install says more`);
      throw error;
    }
    for (const line of [`FAILED: ${error.message}`, ...error.details, ...(error.hint === undefined ? [] : [error.hint])]) tell(line);
    return undefined;
  }
}
