/** All commands of vmadm (reference §1.2), in the order in which they are listed. */
import type { Command, CommandOption } from './command.ts';

const FILE = { type: 'text', short: 'f', value: 'file', summary: 'read the payload from this file; - or nothing is stdin' } as const satisfies CommandOption;
const FORCE = { type: 'flag', short: 'F', summary: 'do not ask the guest' } as const satisfies CommandOption;

export const COMMANDS: readonly Command[] = [
  {
    name: 'create',
    forms: ['[-f <file>]'],
    summary: 'create an instance from a JSON payload',
    description: 'The payload is described in `vmadm help properties`. Unless "autoboot" is false the instance is booted. When anything fails, nothing of it is left.',
    options: { file: FILE },
    examples: ['vmadm create -f web.json', 'echo \'{"brand": "joyent-minimal", "image_uuid": "…", "ram": 512}\' | vmadm create'],
    changes: true,
    load: () => import('./create.ts'),
  },
  { name: 'install', forms: ['<uuid>'], summary: 'finish an instance that was received' },
  {
    name: 'plan',
    forms: ['create [-f <file>]', 'update <uuid> [-f <file>]', 'update <uuid> <property>=<value> …'],
    summary: 'print what a command would do, step by step, and change nothing',
    options: { file: FILE },
    examples: ['vmadm plan create -f web.json'],
    load: () => import('./plan.ts'),
  },
  {
    name: 'validate',
    forms: ['create [-f <file>]', 'update <brand> [-f <file>]'],
    summary: 'check a payload and change nothing',
    description: 'The findings are printed as JSON: bad_values, bad_properties and missing_properties. Exit status 1 when there are any.',
    options: { file: FILE },
    examples: ['vmadm validate create -f web.json', 'echo \'{"quota": 20}\' | vmadm validate update lx'],
    load: () => import('./validate.ts'),
  },
  {
    name: 'list',
    forms: ['[-p] [-H] [-o <field>,…] [-s <field>,…] [<field>=<value> …]'],
    summary: 'list instances',
    description: 'A filter <field>=~<pattern> matches a regular expression, whatever the case. A sort field may have - or + before it.',
    options: {
      parsable: { type: 'flag', short: 'p', summary: 'print fields joined by ":", without a header' },
      header: { type: 'flag', short: 'h', negatedShort: 'H', summary: 'print the header even with -p; -H leaves it out' },
      order: { type: 'text', short: 'o', value: 'field,…', summary: 'fields to print; uuid,type,ram,state,alias when not given' },
      sort: { type: 'text', short: 's', value: 'field,…', summary: 'fields to sort by; ram,uuid when not given' },
    },
    examples: ['vmadm list', 'vmadm list -o uuid,alias,nics.0.ip state=running', 'vmadm list -p -o alias,ram -s -ram brand=lx'],
    load: () => import('./list.ts'),
  },
  {
    name: 'lookup',
    forms: ['[-j] [-1] [-o <field>,…] [<field>=<value> …]'],
    summary: 'print the uuids of instances that match all filters',
    options: {
      json: { type: 'flag', short: 'j', summary: 'print whole instances as a JSON array' },
      unique: { type: 'flag', short: '1', summary: 'fail unless exactly one instance matches' },
      order: { type: 'text', short: 'o', value: 'field,…', summary: 'with -j: print only these fields' },
    },
    examples: ['vmadm lookup alias=web', 'vmadm lookup -1 nics.*.ip=10.0.0.5', 'vmadm lookup -j -o uuid,alias tags.role=db'],
    load: () => import('./lookup.ts'),
  },
  { name: 'get', aliases: ['json'], forms: ['<uuid>'], summary: 'print an instance as JSON', examples: ['vmadm get <uuid>'], load: () => import('./get.ts') },
  { name: 'info', forms: ['<uuid> [<type>[,<type>…] …]'], summary: 'print what a running machine reports', load: () => import('./info.ts') },
  {
    name: 'update',
    forms: ['<uuid> [-f <file>]', '<uuid> <property>=<value> …'],
    summary: 'change properties of an instance',
    description:
      'What can change while the instance runs does so at once; on a terminal, or with VMADM_WARN=1, the rest is listed as pending. Collections change by add_, update_, remove_ and set_ properties.',
    options: { file: FILE },
    examples: ['vmadm update <uuid> quota=20 cpu_cap=150', 'echo \'{"set_tags": {"role": "db"}, "remove_nics": ["02:08:20:aa:bb:cc"]}\' | vmadm update <uuid>'],
    changes: true,
    load: () => import('./update.ts'),
  },
  {
    name: 'start',
    aliases: ['boot'],
    forms: ['<uuid> [order=<order>] [cdrom=<path>,<model>] [disk=<path>,<model>]'],
    summary: 'boot an instance',
    description: "From now on it boots with the node: autoboot becomes true. Boot order (QEMU's letters, like cd) and drives are for this boot of a machine only.",
    changes: true,
    load: () => import('./start.ts'),
  },
  {
    name: 'stop',
    aliases: ['halt'],
    forms: ['<uuid> [-F] [-t <seconds>]'],
    summary: 'shut an instance down',
    description: 'From now on it does not boot with the node: autoboot becomes false.',
    options: { force: FORCE, timeout: { type: 'text', short: 't', value: 'seconds', summary: 'time between asking the guest and force' } },
    changes: true,
    load: () => import('./stop.ts'),
  },
  { name: 'reboot', forms: ['<uuid> [-F]'], summary: 'boot a running instance again', options: { force: FORCE }, changes: true, load: () => import('./reboot.ts') },
  {
    name: 'delete',
    aliases: ['destroy'],
    forms: ['<uuid>'],
    summary: 'stop an instance by force and remove all of it, its delegated datasets included',
    changes: true,
    load: () => import('./delete.ts'),
  },
  {
    name: 'kill',
    forms: ['[-s <signal> | -<signal>] <uuid>'],
    summary: "send a signal to an instance's init",
    description: 'The signal is a name, with or without SIG, or a number; TERM when not given.',
    examples: ['vmadm kill -s HUP <uuid>', 'vmadm kill -9 <uuid>'],
    ownArguments: true,
    load: () => import('./kill.ts'),
  },
  { name: 'console', forms: ['<uuid>'], summary: "connect this terminal to an instance's console; Ctrl-] leaves it", load: () => import('./console.ts') },
  { name: 'reprovision', forms: ['<uuid> [-f <file>]'], summary: 'replace the root of an instance by another image' },
  { name: 'create-snapshot', forms: ['<uuid> <name>'], summary: 'take a snapshot of an instance' },
  { name: 'rollback-snapshot', forms: ['<uuid> <name>'], summary: 'take an instance back to a snapshot' },
  { name: 'delete-snapshot', forms: ['<uuid> <name>'], summary: 'delete a snapshot of an instance' },
  { name: 'send', forms: ['<uuid> [<target>]'], summary: 'write an instance to stdout' },
  { name: 'receive', aliases: ['recv'], forms: [''], summary: 'read an instance from stdin' },
  {
    name: 'sysrq',
    // A client of SmartOS spells it so.
    aliases: ['sysreq'],
    forms: ['<uuid> nmi', '<uuid> screenshot'],
    summary: 'send a machine an NMI or take its picture',
    description: 'The picture is written to <zonepath>/root/tmp/vm.ppm.',
    load: () => import('./sysrq.ts'),
  },
  {
    name: 'events',
    forms: ['[-f] [-j] [-r] [<uuid> …]'],
    summary: 'print what happens to instances, as it happens',
    description: 'Needs the agent. A line for each instance that is created or deleted and for each property that changes. A connection that is lost is taken up where it was.',
    options: {
      full: { type: 'flag', short: 'f', summary: 'print the whole date and uuid' },
      json: { type: 'flag', short: 'j', summary: 'print each event as one line of JSON' },
      ready: { type: 'flag', short: 'r', summary: 'also print when the stream is ready; with -j with all instances' },
    },
    examples: ['vmadm events', 'vmadm events -j <uuid>'],
    load: () => import('./events.ts'),
  },
  {
    name: 'help',
    forms: ['[<command> | properties | man | completion]'],
    summary: 'print usage, what a command does, the properties of a payload, the man page or completion for bash',
    examples: ['vmadm help create', 'vmadm help properties', 'eval "$(vmadm help completion)"'],
    load: () => import('./help.ts'),
  },
];

/** The command of a name or an alias. */
export function findCommand(name: string): Command | undefined {
  return COMMANDS.find((command) => command.name === name || command.aliases?.includes(name));
}
