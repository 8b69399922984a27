import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../log.ts';
import type { Tasks } from './tasks.ts';

export interface Leaving {
  tasks(): Pick<Tasks, 'pause' | 'resume' | 'idle'>;
  readonly log: Log;
  /** Restart the host. Its init ends what runs on it, this agent too. */
  reboot(): Promise<void>;
  /** How long tasks that run are waited for. */
  readonly patienceMilliseconds?: number;
}

/** As CNAPI's job waits for them (control-plane §2.5). */
const PATIENCE_MILLISECONDS = 15 * 60_000;

/** How a node goes down: no more tasks, those that run have time to end, then the reboot. Asking again meanwhile changes nothing. */
export function newLeaving({ tasks, log, reboot, patienceMilliseconds = PATIENCE_MILLISECONDS }: Leaving): () => void {
  let leaving = false;
  const leave = async (): Promise<void> => {
    log.info('this node is about to reboot');
    tasks().pause();
    await Promise.race([tasks().idle(), sleep(patienceMilliseconds, undefined, { ref: false })]);
    try {
      await reboot();
    } catch (error) {
      log.failure('-', 'reboot', error);
      tasks().resume();
      leaving = false;
    }
  };
  return () => {
    if (leaving) return;
    leaving = true;
    void leave();
  };
}
