import { runProgram, type Program } from './program.ts';
import { agentCommand } from './zonewright/agent.ts';
import { bootCommand } from './zonewright/boot.ts';
import { configCommand, runConfig } from './zonewright/config.ts';
import { doctorCommand } from './zonewright/doctor.ts';
import { factoryResetCommand } from './zonewright/factory-reset.ts';
import { headCommand, runHead } from './zonewright/head.ts';
import { installCommand } from './zonewright/install.ts';
import { joinCommand } from './zonewright/join.ts';
import { platformCommand, runPlatform } from './zonewright/platform.ts';
import { rescueCommand } from './zonewright/rescue.ts';
import { setupCommand } from './zonewright/setup.ts';
import { sysinfoCommand } from './zonewright/sysinfo.ts';

export const ZONEWRIGHT: Program = {
  name: 'zonewright',
  summary: 'make this host a node, and see what it can do',
  commands: [setupCommand, installCommand, bootCommand, factoryResetCommand, rescueCommand, doctorCommand, agentCommand, joinCommand, sysinfoCommand, configCommand, platformCommand, headCommand],
};

/** Run `zonewright` with its arguments. @returns the exit status */
export function main(args: readonly string[]): Promise<number> {
  if (args[0] === headCommand.name) return runHead(args.slice(1));
  if (args[0] === configCommand.name) return runConfig(args.slice(1));
  if (args[0] === platformCommand.name) return runPlatform(args.slice(1));
  return runProgram(ZONEWRIGHT, args);
}
