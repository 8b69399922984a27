import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { namesIn } from '../../../host/files/names-in.ts';
import { platformErrors } from '../errors.ts';

const LABELS = '/dev/disk/by-label';

/** The device of a Zonewright CD or USB stick in this machine. @throws MediaMissing */
export async function findMedia(): Promise<string> {
  const label = (await namesIn(LABELS)).sort().find((name) => name.startsWith('ZONEWRIGHT'));
  if (label === undefined) throw platformErrors.MediaMissing();
  return realpath(join(LABELS, label));
}
