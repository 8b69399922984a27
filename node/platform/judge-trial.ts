/**
 * After a boot: whether the image that was on trial stays. It does when the node is healthy before its time is over; else the machine
 * is started again, and what hands out images hands out the one before. Whatever happens to this program, the first stage of the
 * boot has set a deadline of its own, which only a trial that was passed takes away.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isErrorCode } from '../../host/errors/errors.ts';
import { readFileIfPresent } from '../../host/files/atomic.ts';
import { missingForHealth } from './health.ts';
import { openPlatformHost, uptime, type PlatformHost } from './platform-host.ts';
import { readNextBoot, sayOnDisks } from './place-on-disks.ts';
import { readNote } from './running-instances.ts';
import { tellHead } from './tell-head.ts';
import { keepTrial, meaningOf, readTrial, type Trial } from './trial.ts';

/** What judging needs of the machine around it. */
export interface Court {
  /** What the node lacks to be healthy. */
  missing(trial: Trial): Promise<readonly string[]>;
  /** Take the deadline of the first stage away. */
  endDeadline(): Promise<void>;
  reboot(): Promise<void>;
  /** Tell the head node, if there is one. */
  tellHead(trial: Trial): Promise<void>;
  uptime(): Promise<number>;
  pause(): Promise<void>;
  say(line: string): void;
}

/** Of its time, what is left when a trial is given up, for an orderly end of what runs. */
const PATIENCE = 0.8;
const LOOK_MILLISECONDS = 2000;

/** Judge this boot of this node. @returns when there is nothing (more) to judge */
export async function judgeTrial(say: (line: string) => void): Promise<void> {
  const host = await openWhenThere();
  if (host) await judge(host, courtOf(host, say));
}

/** Judge a boot. */
export async function judge(host: PlatformHost, court: Court): Promise<void> {
  const last = await readTrial(host.node);
  const meaning = meaningOf(host.boot, last, new Date().toISOString());
  if (meaning.kind === 'nothing') return;
  if (meaning.kind === 'failed') return acknowledge(host, meaning.trial, court);
  // What ran when it was told to start again, rather than when the image was activated.
  const instances = (await readNote(host.node, meaning.trial.instances && last?.date)) ?? meaning.trial.instances;
  const trial: Trial = { ...meaning.trial, instances };
  await keepTrial(host.node, trial);
  const missing = await healthyInTime(host, trial, court);
  if (missing === undefined) {
    await pass(host, trial, court);
    return;
  }
  const failed: Trial = { ...trial, state: 'failed', reason: `it was not healthy in time: ${missing}`, date: new Date().toISOString() };
  await keepTrial(host.node, failed);
  await takeOffer(host);
  court.say(`platform image ${trial.stamp} is not healthy: ${missing}; this machine goes back to the one before`);
  await court.tellHead(failed);
  await court.reboot();
}

/** @returns what was missing when the time was over; undefined when all was there */
async function healthyInTime(host: PlatformHost, trial: Trial, court: Court): Promise<string | undefined> {
  const deadline = (host.boot.trialSeconds ?? 0) * PATIENCE;
  let said: string | undefined;
  for (;;) {
    const missing = (await court.missing(trial)).join('; ');
    if (missing === '') return undefined;
    // What ends this boot may not ask first: the next one finds out from here.
    if (missing !== said) await keepTrial(host.node, { ...trial, reason: missing });
    said = missing;
    if ((await court.uptime()) >= deadline) return missing;
    await court.pause();
  }
}

async function pass(host: PlatformHost, trial: Trial, court: Court): Promise<void> {
  if (host.boot.fromDisk) await sayOnDisks(host, { saved: trial.stamp });
  const passed: Trial = { ...trial, reason: undefined, state: 'passed', date: new Date().toISOString() };
  await keepTrial(host.node, passed);
  await court.endDeadline();
  court.say(`platform image ${trial.stamp} is healthy and stays`);
  await court.tellHead(passed);
}

/** The image before came up again. */
async function acknowledge(host: PlatformHost, trial: Trial, court: Court): Promise<void> {
  await takeOffer(host);
  await keepTrial(host.node, trial);
  court.say(`platform image ${trial.stamp} was given up: ${trial.reason ?? ''}`);
  await court.tellHead(trial);
}

/** GRUB took it from the disk that it was started from. None of the others shall offer it another time. */
async function takeOffer(host: PlatformHost): Promise<void> {
  const { saved } = await readNextBoot(host);
  if (saved !== undefined) await sayOnDisks(host, { saved });
}

function courtOf(host: PlatformHost, say: (line: string) => void): Court {
  return {
    missing: (trial) => missingForHealth(host.node, trial.instances),
    endDeadline,
    reboot: async () => {
      const { run } = await import('../../host/run/run.ts');
      await run(['systemctl', 'reboot']);
    },
    tellHead: (trial) => tellHead(host.node, trial, say),
    uptime,
    pause: () => sleep(LOOK_MILLISECONDS),
    say,
  };
}

const DEADLINE_FILE = '/system/trial-deadline.pid';

/** End the process of the first stage that would start the machine again. */
export async function endDeadline(file = DEADLINE_FILE): Promise<void> {
  const pid = Number((await readFileIfPresent(file))?.trim() ?? Number.NaN);
  if (!Number.isInteger(pid) || pid <= 1) return;
  // Its number may be another's by now.
  const command = await readFileIfPresent(`/proc/${pid}/cmdline`);
  if (command?.split('\0').includes('-d') === true && command.includes('reboot')) process.kill(pid, 'SIGKILL');
}

/** A trial on which not even the pool comes up ends at the deadline. Without a trial there is nothing to wait for. */
async function openWhenThere(): Promise<PlatformHost | undefined> {
  for (;;) {
    try {
      return await openPlatformHost();
    } catch (error) {
      if (!isErrorCode(error, 'NodeNotReady')) throw error;
      if (!/(^|\s)zonewright\.trial=/.test((await readFileIfPresent('/proc/cmdline')) ?? '')) return undefined;
    }
    await sleep(LOOK_MILLISECONDS);
  }
}
