import { TASK_NAMES, type TaskName } from '../../wire/tasks.ts';
import type { Queue, TaskDefinition } from '../definition.ts';
import { imageEnsurePresent } from './image-ensure-present.ts';
import { machineDestroy, machineInfo, machineLoad, machineUpdate } from './machine-change.ts';
import { machineCreate } from './machine-create.ts';
import { machineBoot, machineReboot, machineShutdown } from './machine-power.ts';
import { commandExecute, nop, serverFactoryReset, serverReboot, serverSysinfo } from './server.ts';

/** All tasks by name. */
export const CATALOGUE: Readonly<Record<TaskName, TaskDefinition>> = {
  machine_create: machineCreate,
  machine_load: machineLoad,
  machine_boot: machineBoot,
  machine_shutdown: machineShutdown,
  machine_reboot: machineReboot,
  machine_update: machineUpdate,
  machine_destroy: machineDestroy,
  machine_info: machineInfo,
  image_ensure_present: imageEnsurePresent,
  server_sysinfo: serverSysinfo,
  server_reboot: serverReboot,
  server_factory_reset: serverFactoryReset,
  command_execute: commandExecute,
  nop,
};

/** How many tasks of a queue run at a time; the others wait their turn. */
export const PLACES: Readonly<Record<Queue, number>> = {
  machine_creation: 8,
  image_import_tasks: 2,
  server_tasks: 16,
  machine_tasks: 32,
  machine_query: 64,
  test: 64,
};

/** A task by its name, undefined for one that there is not. */
export function taskNamed(name: string): TaskDefinition | undefined {
  return TASK_NAMES.some((known) => known === name) ? CATALOGUE[name as TaskName] : undefined;
}
