import { isAbsolute, join } from 'node:path';
import { readNode } from '../../host/config/node-config.ts';
import { isErrorCode } from '../../host/errors/errors.ts';
import { headErrors } from '../errors.ts';
import { textOf, type HeadInvocation } from './command.ts';

/** The data directory that a command is about: named, or that of this node's pool, or a fixed one. @throws HeadConfigInvalid */
export async function directoryOf(invocation: HeadInvocation): Promise<string> {
  const named = textOf(invocation, 'data');
  if (named === undefined) return await usualDirectory();
  if (!isAbsolute(named)) throw headErrors.HeadConfigInvalid({ path: named, reason: '--data takes an absolute path' });
  return named;
}

async function usualDirectory(): Promise<string> {
  try {
    return join((await readNode()).mountpoint, 'head');
  } catch (error) {
    if (isErrorCode(error, 'NodeNotReady')) return '/var/lib/zonewright/head';
    throw error;
  }
}
