import { join } from 'node:path';

/** Where commands reach the head process of a data directory. */
export function socketPath(directory: string): string {
  return join(directory, 'run', 'head.sock');
}
