import { realpath } from 'node:fs/promises';
import { isSystemError } from '../../host/errors/errors.ts';

/** The tools that zones find in `/usr/sbin`; `images/guest-tools` builds them. */
export const GUEST_TOOL_NAMES = ['mdata-get', 'mdata-put', 'mdata-list', 'mdata-delete'] as const;

/** A link to the directory with the tools as they were built last. */
export const GUEST_TOOLS = '/var/cache/zonewright/guest-tools/current';

/** Where the guest tools are; undefined when they have not been built on this host. */
export async function findGuestTools(): Promise<string | undefined> {
  try {
    return await realpath(GUEST_TOOLS);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}
