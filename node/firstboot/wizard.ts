/**
 * What a person is asked when a machine is set up by hand. It is a row of pages; Ctrl-C goes to the one before. Nothing is written: the
 * wizard ends with answers that a person has confirmed, in the form that an answers file has.
 */
import { ZonewrightError } from '../../host/errors/errors.ts';
import type { Answers } from './answers.ts';
import { WentBack, type Dialogue } from './dialogue.ts';
import type { Machine } from './machine.ts';
import { accessPage, disksPage, networkPage, rolePage, type Page } from './pages.ts';
import { planInstallation, type InstallPlan } from './plan.ts';
import { summaryOf } from './summary.ts';
import { yesOrNo } from './values.ts';

export interface Confirmed {
  readonly answers: Answers;
  readonly plan: InstallPlan;
}

const WELCOME = `
This machine is no node yet. A few questions make it one. What is in brackets is taken when you just press Enter; Ctrl-C
goes one step back. Nothing is written to any disk before you have confirmed the summary at the end.`;

const PAGES: readonly Page[] = [rolePage, networkPage, disksPage, accessPage];

/**
 * Ask until a plan is confirmed.
 * @param preset answers that are known: they become presets, and all pages are gone through
 * @throws HungUp when the terminal goes away
 */
export async function askWizard(dialogue: Dialogue, machine: Machine, preset: Answers = {}): Promise<Confirmed> {
  for (const line of WELCOME.split('\n')) dialogue.say(line);
  let answers = preset;
  for (let index = 0; ; ) {
    try {
      const page = PAGES[index];
      if (!page) {
        const plan = await confirmed(dialogue, machine, answers);
        if (plan) return { answers, plan };
        throw new WentBack('not confirmed');
      }
      dialogue.say();
      answers = await page(dialogue, machine, answers);
      index++;
    } catch (error) {
      if (!(error instanceof WentBack)) throw error;
      dialogue.say();
      index = Math.max(0, index - 1);
    }
  }
}

/** Show what will be. @returns undefined when the person, or the machine, says no */
async function confirmed(dialogue: Dialogue, machine: Machine, answers: Answers): Promise<InstallPlan | undefined> {
  let plan: InstallPlan;
  try {
    plan = await planInstallation(answers, machine);
  } catch (error) {
    if (!(error instanceof ZonewrightError)) throw error;
    dialogue.say(`This does not go together: ${error.message}`);
    for (const line of error.details) dialogue.say(`  ${line}`);
    return undefined;
  }
  dialogue.say();
  for (const line of ['Summary', '', ...summaryOf(plan), '']) dialogue.say(line);
  const agreed = await dialogue.ask({ text: plan.lost.length > 0 ? 'Erase these disks and install (yes/no)' : 'Install (yes/no)', read: yesOrNo });
  return agreed ? plan : undefined;
}
