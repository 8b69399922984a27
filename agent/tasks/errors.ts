import { defineErrors } from '../../host/errors/errors.ts';

/** Errors of tasks: what is wrong with a request, and how a task can fail besides what the engine says. */
export const taskErrors = defineErrors({
  TaskUnknown: { message: 'there is no task {task}', status: 404, hint: 'docs/agent-fleet.md lists the tasks that an agent knows.' },
  TaskRequestInvalid: { message: '{reason}', status: 409 },
  TasksPaused: { message: 'tasks are paused on this node', status: 503, hint: 'POST /resume lets it take tasks again.' },
  NoSuchTask: { message: 'there is no task with id {id}', status: 404 },
  TaskIdTaken: { message: 'task id {id} was used for another request', status: 409, hint: 'Make a new id for each new request.' },
  TaskNotForCaller: { message: 'task {task} is for a head node alone', status: 403 },
  TaskTimedOut: { message: 'task {task} did not end within {seconds} seconds' },
  TaskInterrupted: { message: 'the agent ended while task {task} ran; it is not known how far it came' },
  TaskGivenUp: { message: 'the agent ended {attempts} times while task {task} ran; it is not begun again' },
  TaskFailedOnPurpose: { message: '{reason}' },
  MachineExists: { message: 'Machine {uuid} exists.' },
  VmAlreadyRunning: { message: 'VM {uuid} is already "running"' },
  VmNotRunning: { message: 'VM {uuid} is already "{state}"' },
  OtherPool: { message: 'this node keeps its images on pool {pool}, not on {wanted}' },
  FirewallUnsupported: { message: 'firewall_rules are not supported by this version', hint: 'Create the instance without them.' },
  FactoryResetImpossible: { message: 'this node does not boot into memory, so nothing would destroy its pool at the next boot', hint: 'Take it apart by hand: docs/setup.md, Undoing it.' },
  ScriptInvalid: { message: 'the script must begin with "#!" and the interpreter\'s path' },
});
