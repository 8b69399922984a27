import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { namesIn } from '../files/names-in.ts';
import { sourceErrors } from './errors.ts';

const LABELS = '/dev/disk/by-label';

/** The device of a Zonewright CD or USB stick in this machine. @throws MediaMissing */
export async function findMedia(): Promise<string> {
  const label = (await namesIn(LABELS)).sort().find((name) => name.startsWith('ZONEWRIGHT'));
  if (label === undefined) throw sourceErrors.MediaMissing();
  return realpath(join(LABELS, label));
}
