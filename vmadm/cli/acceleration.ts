import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { readNode } from '../../host/config/node-config.ts';
import { isSystemError } from '../../host/errors/errors.ts';
import { accelerator } from '../../host/qemu/accelerator.ts';
import type { Invocation } from './command.ts';
import { say } from './say.ts';

/**
 * Say on the terminal that machines are emulated here and why, once until the host boots again. Lines of their own would
 * trouble the programs that read ours, so these hear nothing.
 */
export async function sayAcceleration(invocation: Invocation, brand: string | undefined): Promise<void> {
  if (!invocation.talkative || (brand !== 'kvm' && brand !== 'bhyve')) return;
  const { name, reason } = accelerator();
  if (name === 'kvm' || !(await isFirstTime())) return;
  say(invocation, `note: machines are emulated on this node, which is many times slower than KVM: ${reason}`);
}

async function isFirstTime(): Promise<boolean> {
  try {
    await (await open(join((await readNode()).runDirectory, 'said-emulated'), 'wx', 0o600)).close();
    return true;
  } catch (error) {
    if (isSystemError(error, 'EEXIST', 'ENOENT', 'EROFS')) return false;
    throw error;
  }
}
