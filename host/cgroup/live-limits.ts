/** Limits of a group that is in use: read, and written in the order that the kernel accepts. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../errors/errors.ts';
import { hostErrors } from '../errors/host-errors.ts';
import { hierarchyOf } from './hierarchies.ts';
import type { ControlValue } from './limits.ts';

const V1_MEMORY = 'memory.limit_in_bytes';
const V1_MEMORY_AND_SWAP = 'memory.memsw.limit_in_bytes';

/** What the control files of a group hold now; none of them when there is no such group. */
export async function readControls(group: string, values: readonly ControlValue[]): Promise<ControlValue[]> {
  const current = await Promise.all(
    values.map(async (control): Promise<ControlValue[]> => {
      const value = await ifPresent(() => readFile(pathOf(group, control), 'utf8'));
      return value === undefined ? [] : [{ ...control, value: value.trim() }];
    }),
  );
  return current.flat();
}

/**
 * Write control files of a group; nothing happens when the group is gone.
 * @throws LimitRefused when the kernel cannot go so low, since more is in use
 */
export async function writeControls(group: string, values: readonly ControlValue[]): Promise<void> {
  for (const control of inOrder(values, await readControls(group, values))) {
    try {
      await ifPresent(() => writeFile(pathOf(group, control), control.value));
    } catch (error) {
      if (!isSystemError(error, 'EBUSY', 'EINVAL')) throw error;
      throw hostErrors.LimitRefused({ file: control.file, value: control.value }, { cause: error });
    }
  }
}

/**
 * In v1, memory and swap together can never be less than memory alone: which goes first depends on the direction. In v2
 * reclaim (`memory.high`) starts before anything is killed (`memory.max`).
 */
function inOrder(wanted: readonly ControlValue[], current: readonly ControlValue[]): ControlValue[] {
  const memory = wanted.find(({ file }) => file === V1_MEMORY);
  const bound = current.find(({ file }) => file === V1_MEMORY_AND_SWAP);
  const rises = memory !== undefined && bound !== undefined && Number(memory.value) > Number(bound.value);
  const first = rises ? V1_MEMORY_AND_SWAP : 'memory.high';
  return [...wanted.filter(({ file }) => file === first), ...wanted.filter(({ file }) => file !== first)];
}

function pathOf(group: string, { file }: ControlValue): string {
  const hierarchy = hierarchyOf(file.split('.')[0] ?? '');
  if (!hierarchy) throw new Error(`no hierarchy has ${file}`);
  return join(hierarchy.directory, group, file);
}

async function ifPresent<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENODEV')) return undefined;
    throw error;
  }
}
