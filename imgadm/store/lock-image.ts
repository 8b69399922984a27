import type { Node } from '../../host/config/node-config.ts';
import { isErrorCode } from '../../host/errors/errors.ts';
import { hostErrors } from '../../host/errors/host-errors.ts';
import { takeLock, type Lock } from '../../host/lock/lock.ts';
import { imageLock } from './names.ts';

export interface LockImageOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once when somebody else has had the lock for a second. */
  readonly onWaiting: () => void;
}

/** An image may be as large as a line is slow. */
const MOST_SECONDS = 3600;

/**
 * Take the lock under which an image is made; whoever imports, installs or deletes it, in any process, is waited for.
 * @throws LockTimeout after an hour, OperationInterrupted
 */
export async function lockImage(node: Node, uuid: string, options: LockImageOptions): Promise<{ lock: Lock; waited: boolean }> {
  const wanted = { scope: node.paths.config, name: imageLock(uuid), action: 'image install' };
  for (let seconds = 0; ; seconds++) {
    try {
      return { lock: await takeLock({ ...wanted, waitSeconds: 1 }), waited: seconds > 0 };
    } catch (error) {
      if (!isErrorCode(error, 'LockTimeout') || seconds >= MOST_SECONDS) throw error;
    }
    if (options.signal?.aborted) throw hostErrors.OperationInterrupted({ verb: 'image install', step: 'wait for whoever works on the image' });
    if (seconds === 0) options.onWaiting();
  }
}
