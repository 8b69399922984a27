import { readdir } from 'node:fs/promises';
import { isSystemError } from '../errors/errors.ts';

/** Names of what is in a directory; none when there is no such directory. */
export async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return [];
    throw error;
  }
}
