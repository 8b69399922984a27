import { join } from 'node:path';
import { isSea } from 'node:sea';

const BIN = join(import.meta.dirname, '../../bin');

/**
 * The command that starts another program of ours. From the tree that is Node with the program's file; the platform's one
 * executable answers to the name it is called by.
 */
export function ownProgram(name: string): [string, ...string[]] {
  return isSea() ? [join(BIN, name)] : [process.execPath, join(BIN, `${name}.ts`)];
}
