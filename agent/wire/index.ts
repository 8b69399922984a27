/** Everything that passes between an agent and its head node; real and simulated agents and the head node share it. */
export * from './enrol.ts';
export * from './errors.ts';
export * from './join.ts';
export * from './messages.ts';
export * from './roles.ts';
export * from './sysinfo.ts';
export * from './tasks.ts';
export * from './uuid.ts';
