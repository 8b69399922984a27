import { addCommand } from './nictagadm/add.ts';
import { deleteCommand } from './nictagadm/delete.ts';
import { existsCommand } from './nictagadm/exists.ts';
import { listCommand } from './nictagadm/list.ts';
import { runProgram, type Program } from './program.ts';

export const NICTAGADM: Program = {
  name: 'nictagadm',
  summary: 'names of networks and the bridges they stand for',
  commands: [addCommand, deleteCommand, existsCommand, listCommand],
};

/** Run `nictagadm` with its arguments. @returns the exit status */
export function main(args: readonly string[]): Promise<number> {
  return runProgram(NICTAGADM, args);
}
