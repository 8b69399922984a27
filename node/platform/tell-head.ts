import { setTimeout as sleep } from 'node:timers/promises';
import { openHeadClient, refusalOf } from '../../agent/head/client.ts';
import { readIdentity } from '../../agent/identity/identity.ts';
import type { Node } from '../../host/config/node-config.ts';
import type { Trial } from './trial.ts';

const ATTEMPTS = 200;
const LONGEST_PAUSE_MILLISECONDS = 60_000;

/**
 * Tell the head node how a trial ended. One that hands out images by the network waits for that, so a head node that is away is
 * asked again for hours; a failure is told once, since the next boot tells it again.
 */
export async function tellHead(node: Node, trial: Trial, say: (line: string) => void): Promise<void> {
  const identity = await readIdentity(node);
  if (!identity) return;
  const client = openHeadClient({ identity });
  const outcome = trial.state === 'passed' ? 'healthy' : 'failed';
  const body = { platform: trial.stamp, outcome, ...(trial.reason === undefined ? {} : { reason: trial.reason.slice(0, 1000) }) };
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        await client.send({ method: 'POST', path: `/servers/${identity.uuid}/events/platform`, body });
        return;
      } catch (error) {
        const isFinal = (refusalOf(error)?.status ?? 500) < 500 || attempt === ATTEMPTS || (outcome === 'failed' && attempt === 3);
        if (attempt === 1 || isFinal) say(`the head node could not be told: ${error instanceof Error ? error.message : String(error)}`);
        if (isFinal) return;
      }
      await sleep(Math.min(1000 * 1.5 ** attempt, LONGEST_PAUSE_MILLISECONDS));
    }
  } finally {
    await client.close();
  }
}
