import { defineErrors } from '../host/errors/errors.ts';

/** Errors of the agent's API, and of those who call it. */
export const agentErrors = defineErrors({
  AgentNeeded: {
    message: 'vmadm {verb} needs the agent, and none runs on this node',
    hint: 'Start it: `systemctl start zonewright-agent`, or `zonewright agent --stay` where systemd does not run.',
  },
  AgentRuns: { message: 'an agent runs on this node already: process {pid}', hint: 'It is that of the unit zonewright-agent, or one that somebody started.' },
  PortTaken: { message: 'port {port} of 127.0.0.1 is taken', hint: 'Choose another --metrics-port.' },
  AgentLost: {
    message: 'the agent ended before it had answered: {what}',
    hint: 'What it had begun is undone (create, update) or carried to its end (start, stop, delete) when it runs again, or by the next command. Look with `vmadm list`.',
  },
  AgentSilent: {
    message: 'the agent does not answer: {what}',
    hint: 'Look into its log: `journalctl -u zonewright-agent`. With ZONEWRIGHT_AGENT=off in its environment a command does its work itself.',
  },
  AgentUnintelligible: {
    message: 'the agent answered something else than was asked: {reason}',
    hint: 'It may be of another version: restart it with `systemctl restart zonewright-agent`.',
  },
  RequestInvalid: { message: 'the request is not valid: {reason}', status: 400 },
  RequestTooLarge: { message: 'the request is too large: at most {limit} bytes', status: 413 },
  RequestTimeout: { message: 'the request did not come within the time it may take', status: 408 },
  UnsupportedMediaType: { message: 'the body of a request must be application/json', status: 415 },
  ResourceNotFound: { message: 'Not Found', status: 404 },
  NoSuchOperation: { message: 'no operation {id} is running', status: 404 },
  EventsGone: {
    message: 'the events after {cursor} are not kept any more',
    status: 410,
    hint: 'List the instances again and follow from now on.',
  },
  InternalError: { message: "internal error; the agent's log says more under request {request}", status: 500 },
});
