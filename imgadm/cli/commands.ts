import type { Command, CommandOption } from './command.ts';

const json: CommandOption = { name: 'json', short: 'j', help: 'JSON output' };
const pool: CommandOption = { name: 'pool', short: 'P', value: 'POOL', help: "The zpool; default: this node's" };
const help: CommandOption = { name: 'help', short: 'h', help: 'Show this help' };

/** Every command of imgadm, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  {
    name: 'help',
    aliases: ['?'],
    summary: 'Help on imgadm or one of its commands',
    operands: '[COMMAND]',
    options: [help],
    examples: ['imgadm help install'],
    load: () => Promise.reject(new Error('help needs no node')),
  },
  {
    name: 'list',
    summary: 'List installed images',
    operands: '[FILTERS...]',
    options: [
      json,
      { name: 'no-header', short: 'H', help: 'Leave the header out' },
      { name: 'output', short: 'o', value: 'FIELDS', help: 'Fields to show; default: uuid,name,version,os,type,pub' },
      { name: 'sort', short: 's', value: 'FIELDS', help: 'Fields to sort by, -FIELD for reverse; default: published_at,name' },
      { name: 'docker', help: 'Only docker images, one row for each tag' },
      help,
    ],
    examples: ['imgadm list', 'imgadm list -j os=linux', 'imgadm list -H -o uuid,clones -s -clones', 'imgadm list name=~debian'],
    load: async () => (await import('./list.ts')).list,
  },
  {
    name: 'show',
    summary: 'Show the manifest of an image',
    operands: 'UUID',
    options: [help],
    examples: ['imgadm show 1f32508c-e6e9-11e6-bc05-8fea9e979940'],
    load: async () => (await import('./show.ts')).show,
  },
  {
    name: 'get',
    aliases: ['info'],
    summary: 'Show what is known of an installed image',
    operands: 'UUID',
    options: [pool, { name: 'recursive', short: 'r', help: 'Also its snapshots and clones' }, help],
    examples: ['imgadm get -r 1f32508c-e6e9-11e6-bc05-8fea9e979940'],
    load: async () => (await import('./get.ts')).get,
  },
  {
    name: 'install',
    summary: 'Install an image from local files',
    operands: '',
    options: [
      { name: 'manifest', short: 'm', value: 'FILE', help: 'The manifest' },
      { name: 'file', short: 'f', value: 'FILE', help: 'The image: a ZFS stream or a tar archive of a root file system, plain or compressed' },
      pool,
      { name: 'quiet', short: 'q', help: 'No progress bar' },
      help,
    ],
    examples: ['imgadm install -m debian.imgmanifest -f debian.tar.zst'],
    load: async () => (await import('./install.ts')).install,
  },
  {
    name: 'delete',
    aliases: ['destroy'],
    summary: 'Delete an installed image',
    operands: 'UUID',
    options: [pool, help],
    examples: ['imgadm delete 1f32508c-e6e9-11e6-bc05-8fea9e979940'],
    load: async () => (await import('./delete.ts')).deleteImage,
  },
];

/** Commands of SmartOS's imgadm that this version does not have. */
export const NOT_YET: readonly string[] = ['sources', 'avail', 'available', 'ancestry', 'import', 'update', 'vacuum', 'create', 'publish'];

/** A command by its name or an alias. */
export function findCommand(name: string): Command | undefined {
  return COMMANDS.find((command) => command.name === name || command.aliases?.includes(name));
}
