import { verifyPlatformFiles } from '../../host/signature/platform.ts';
import { alone, keysOf, type PlatformHost } from './platform-host.ts';
import { placeOnDisks, readNextBoot, requireBootable, sayOnDisks, TRIAL_SECONDS } from './place-on-disks.ts';
import { runningInstances } from './running-instances.ts';
import { installedStamps, platformDirectory, requireInstalled } from './store.ts';
import type { Stamp } from './stamp.ts';
import { keepTrial, readTrial } from './trial.ts';

export interface ActivateRequest {
  readonly stamp: Stamp;
  /** Without a trial: it is booted from now on, whatever comes of it. */
  readonly final: boolean;
  /** Seconds that a trial has from the start of the kernel; 600 unless given. */
  readonly trialSeconds?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  say(line: string): void;
}

export interface Activated {
  readonly trial: boolean;
}

/**
 * Have the next boot be of an image. Unless that is the one that runs, it is a trial: the image stays when the node comes up healthy.
 * @throws NotBootable, PlatformNotInstalled, PlatformSpace, BootDiskFailed, errors of signatureErrors
 */
export function activatePlatform(host: PlatformHost, { stamp, final, trialSeconds = TRIAL_SECONDS, signal, say }: ActivateRequest): Promise<Activated> {
  return alone(host, `activating ${stamp}`, async () => {
    requireBootable(host);
    await requireInstalled(host.node, stamp);
    await verifyPlatformFiles(platformDirectory(host.node, stamp), await keysOf(host));
    await placeOnDisks(host, stamp, { signal, say });
    const { saved = stamp } = await readNextBoot(host);
    // What a trial falls back to must be on every disk too, also on one that was replaced.
    if (saved !== stamp && (await installedStamps(host.node)).includes(saved)) await placeOnDisks(host, saved, { signal, say });
    // What runs has proven itself, as long as it is not itself on trial.
    const isTrial = !final && stamp !== saved && !(stamp === host.boot.stamp && host.boot.trialSeconds === undefined);
    const last = await readTrial(host.node);
    if (isTrial) await keepTrial(host.node, { v: 1, stamp, from: saved, state: 'waiting', bootId: host.boot.bootId, instances: await runningInstances(), date: new Date().toISOString() });
    if (host.boot.stamp !== undefined && !host.boot.fromDisk) say('this node was not started from its own disks: see that it is the next time, by the boot order of its firmware');
    await sayOnDisks(host, isTrial ? { saved, next: stamp, trialSeconds } : { saved: stamp });
    // One that waited and is not tried any more must not look as if it had failed.
    if (!isTrial && last?.state === 'waiting') await keepTrial(host.node, { ...last, state: 'failed', reason: `${stamp} was activated instead`, date: new Date().toISOString() });
    return { trial: isTrial };
  });
}
