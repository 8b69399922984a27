import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../host/errors/errors.ts';

/** The tools that zones find in `/usr/sbin`; `images/guest-tools` builds them. */
export const GUEST_TOOL_NAMES = ['mdata-get', 'mdata-put', 'mdata-list', 'mdata-delete'] as const;

/** A link to the directory with the tools as they were built last. */
export const GUEST_TOOLS = '/var/cache/zonewright/guest-tools/current';

/** Where they lie beside the one executable; the tree has none there. */
const INSTALLED = join(import.meta.dirname, '../../guest-tools');

/** Where the guest tools are; undefined when they are neither installed nor have been built on this host. */
export async function findGuestTools(): Promise<string | undefined> {
  if (existsSync(INSTALLED)) return INSTALLED;
  try {
    return await realpath(GUEST_TOOLS);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}
