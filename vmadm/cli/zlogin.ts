/** `zlogin`: a shell, a command or the console in a zone. */
import { parseArgs } from 'node:util';
import { isUuid } from '../../host/config/units.ts';
import { isErrorCode, isSystemError, ZonewrightError } from '../../host/errors/errors.ts';
import { runInteractively } from '../../host/run/interactive.ts';
import { attachCommand, consoleCommand } from '../../host/lxc/zone.ts';
import { loadNode } from '../../host/config/node-config.ts';
import type { Engine, VmObject } from '../engine.ts';

export const ZLOGIN_FORMS = ['[-l user] <uuid|alias>', '[-l user] <uuid|alias> <command> [argument ...]', '-C <uuid|alias>'] as const;

export const ZLOGIN_OPTIONS = {
  login: { type: 'string', short: 'l', value: 'user', summary: 'log in as this user of the zone instead of root' },
  console: { type: 'boolean', short: 'C', summary: "use the zone's console; Ctrl-] leaves it" },
  help: { type: 'boolean', short: 'h', summary: 'print usage' },
  'safe-mode': { type: 'boolean', short: 'S', summary: 'taken for the sake of scripts, without effect' },
  quiet: { type: 'boolean', short: 'Q', summary: 'taken for the sake of scripts, without effect' },
  interactive: { type: 'boolean', short: 'i', summary: 'taken for the sake of scripts, without effect' },
} as const;

const USAGE = `Usage: ${ZLOGIN_FORMS.map((form) => `zlogin ${form}`).join('\n       ')}

Log in to a running zone, run a command in it, or (-C) use its console; Ctrl-] leaves the console.
The command is run by the zone's own shell and zlogin ends with its exit status.
`;

/** What a login starts from: nothing of the host's environment is for the zone to see. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Chosen inside the zone, since only the zone knows which shells it has. */
const LOGIN_SHELL = 'cd; if [ -x /bin/bash ]; then exec /bin/bash -l; else exec /bin/sh -l; fi';

/** Run `zlogin` with its arguments. @returns the exit status: the command's own, 1 when there is no such running zone, 2 on wrong usage. */
export async function main(args: readonly string[]): Promise<number> {
  const request = parse(args);
  if (request === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  if (typeof request === 'string') return fail(`${request}\n${USAGE.trimEnd()}`, 2);
  if (process.getuid?.() !== 0) return fail('you must be root to log in to a zone', 2);
  try {
    return await login(request);
  } catch (error) {
    if (error instanceof ZonewrightError) return fail(error.message, error.exitStatus);
    throw error;
  }
}

interface Request {
  readonly zone: string;
  readonly user: string | undefined;
  readonly console: boolean;
  readonly command: readonly string[];
}

async function login(request: Request): Promise<number> {
  const node = await loadNode();
  const { agentEngine } = await import('../../agent/client/local-agent.ts');
  const engine = (await agentEngine({})) ?? (await (await import('../open-engine.ts')).openEngine({ node }));
  const found = await findZone(engine, request.zone);
  if (typeof found === 'string') return fail(found, 1);
  const { zone_state } = found;
  if (zone_state !== 'running') return fail(`login allowed only to running zones (${request.zone} is '${zone_state}').`, 1);
  const zone = { uuid: found.uuid, lxcDirectory: node.paths.lxc, cgroup: node.cgroup };
  if (request.console) return runInteractively(consoleCommand(zone), hostEnvironment());
  return runInteractively(attachCommand(zone, commandLine(request), guestEnvironment()), hostEnvironment());
}

/** A zone by uuid, or by an alias that only one has. */
async function findZone(engine: Engine, name: string): Promise<VmObject | string> {
  if (isUuid(name)) return (await zoneOf(engine, name)) ?? `zone '${name}' unknown`;
  const [first, ...more] = (await engine.list(['alias'])).filter(({ alias }) => alias === name);
  if (!first) return `zone '${name}' unknown`;
  return more.length === 0 ? first : `alias '${name}' is that of ${more.length + 1} zones; use a uuid: ${[first, ...more].map(({ uuid }) => uuid).join(' ')}`;
}

async function zoneOf(engine: Engine, uuid: string): Promise<VmObject | undefined> {
  try {
    return await engine.get(uuid);
  } catch (error) {
    if (isErrorCode(error, 'NoSuchVm')) return undefined;
    throw error;
  }
}

function commandLine({ user, command }: Request): string[] {
  const line = command.length > 0 ? command.join(' ') : LOGIN_SHELL;
  if (user === undefined) return ['/bin/sh', '-c', line];
  return command.length > 0 ? ['su', '-c', line, '-', user] : ['su', '-', user];
}

function guestEnvironment(): Record<string, string> {
  return { PATH, HOME: '/root', USER: 'root', LOGNAME: 'root', SHELL: '/bin/sh', TERM: process.env['TERM'] ?? 'dumb', container: 'lxc' };
}

function hostEnvironment(): Record<string, string> {
  return { PATH, TERM: process.env['TERM'] ?? 'dumb', LC_ALL: 'C.UTF-8' };
}

function parse(args: readonly string[]): Request | string {
  // Options end at the zone's name: what follows belongs to the command.
  const end = endOfOptions(args);
  try {
    const { values } = parseArgs({ args: args.slice(0, end), options: ZLOGIN_OPTIONS, allowPositionals: false });
    if (values.help) return 'help';
    const [zone, ...command] = args.slice(end);
    if (zone === undefined) return 'zlogin: which zone?';
    if (values.login !== undefined && !/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/.test(values.login)) return `zlogin: "${values.login}" is not a user name`;
    return { zone, user: values.login, console: values.console ?? false, command };
  } catch (error) {
    if (isSystemError(error, 'ERR_PARSE_ARGS_UNKNOWN_OPTION', 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE')) return `zlogin: ${error.message}`;
    throw error;
  }
}

function endOfOptions(args: readonly string[]): number {
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? '';
    if (arg === '-l' || arg === '--login') index++;
    else if (!arg.startsWith('-')) return index;
  }
  return args.length;
}

function fail(message: string, status: number): number {
  process.stderr.write(message.startsWith('zlogin: ') ? `${message}\n` : `zlogin: ${message}\n`);
  return status;
}
