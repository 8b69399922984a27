import { defineErrors } from '../host/errors/errors.ts';

/** Errors of the head node's APIs. `code` and `message` go on the wire as they stand (control-plane §9.4). */
export const headErrors = defineErrors({
  ResourceNotFound: { message: '{what} was not found', status: 404 },
  ServerNotFound: { message: 'server {server} was not found', status: 404 },
  InvalidArgument: { message: '{reason}', status: 409 },
  MissingParameter: { message: '{parameter} is required', status: 409 },
  ValidationFailed: { message: '{reason}', status: 409 },
  InvalidParameters: { message: '{reason}', status: 422 },
  UnallocatedVM: { message: 'VM {vm} is not on a server yet', status: 409 },
  NoAllocatableServers: { message: 'no server can take this VM: {reason}', status: 409 },
  SubnetFull: { message: 'network {network} has no free address', status: 507 },
  ServerUnreachable: { message: 'server {server} cannot be reached: {reason}', status: 503, hint: 'What was asked for is done, or told, when the server is back.' },
  TaskFailed: { message: 'task {task} failed on server {server}: {reason}', status: 500 },
  NotAuthorized: { message: '{reason}', status: 403 },
  InvalidCredentials: { message: '{reason}', status: 401 },
  DatabaseUnreachable: { message: 'the database cannot be reached: {reason}', status: 503 },
});
