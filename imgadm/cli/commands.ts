import type { Command, CommandOption } from './command.ts';

const json: CommandOption = { name: 'json', short: 'j', help: 'JSON output' };
const pool: CommandOption = { name: 'pool', short: 'P', value: 'POOL', help: "The zpool; default: this node's" };
const noHeader: CommandOption = { name: 'no-header', short: 'H', help: 'Leave the header out' };
const order: CommandOption = { name: 'sort', short: 's', value: 'FIELDS', help: 'Fields to sort by, -FIELD for reverse; default: published_at,name' };
const quiet: CommandOption = { name: 'quiet', short: 'q', help: 'No progress bar' };
const dryRun: CommandOption = { name: 'dry-run', short: 'n', help: 'Say what would be done and change nothing' };
const help: CommandOption = { name: 'help', short: 'h', help: 'Show this help' };

/** Options before the command. */
export const TOP_OPTIONS: readonly CommandOption[] = [
  { name: 'help', short: 'h', help: 'Show this help' },
  { name: 'version', help: 'Show the version' },
  { name: 'verbose', short: 'v', help: 'Show where an error came from' },
  { name: 'error-record', short: 'E', help: 'On an error, end with one line of JSON that describes it' },
];

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
    name: 'sources',
    summary: 'List and change the image sources',
    operands: '',
    options: [
      json,
      { name: 'verbose', short: 'v', help: 'Also types' },
      { name: 'add', short: 'a', value: 'URL', help: 'Add a source' },
      { name: 'delete', short: 'd', value: 'URL', help: 'Delete a source' },
      { name: 'edit', short: 'e', help: 'Edit the list' },
      { name: 'check', short: 'c', help: 'Ask each source whether it answers' },
      { name: 'type', short: 't', value: 'TYPE', help: 'Type of the source to add: imgapi' },
      { name: 'insecure', short: 'k', help: 'Accept any certificate of the source to add' },
      { name: 'force', short: 'f', help: 'Add without asking the source whether it answers' },
      { name: 'ca', value: 'FILE', help: 'PEM: authorities that its certificate may come from' },
      { name: 'cert', value: 'FILE', help: 'PEM: the certificate to show it' },
      { name: 'key', value: 'FILE', help: 'PEM: the key of that certificate' },
      { name: 'server-uri', value: 'URI', help: 'The URI that its certificate must name, instead of its host' },
      { name: 'add-docker-hub', help: 'Same as -t docker -a https://docker.io' },
      help,
    ],
    examples: ['imgadm sources -v', 'imgadm sources -a https://images.example.com', 'imgadm sources -d https://images.smartos.org'],
    load: async () => (await import('./sources.ts')).sources,
  },
  {
    name: 'avail',
    aliases: ['available'],
    summary: 'List the images that the sources have',
    operands: '[FILTERS...]',
    options: [json, noHeader, fields('uuid,name,version,os,type,pub'), order, help],
    examples: ['imgadm avail', 'imgadm avail type=lx-dataset name=~debian'],
    load: async () => (await import('./avail.ts')).avail,
  },
  {
    name: 'list',
    summary: 'List installed images',
    operands: '[FILTERS...]',
    options: [
      json,
      noHeader,
      fields('uuid,name,version,os,type,pub'),
      order,
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
    name: 'ancestry',
    summary: 'List an installed image and all that it stands on',
    operands: 'UUID',
    options: [json, noHeader, fields('uuid,name,version,published'), pool, help],
    examples: ['imgadm ancestry 1f32508c-e6e9-11e6-bc05-8fea9e979940'],
    load: async () => (await import('./ancestry.ts')).ancestry,
  },
  {
    name: 'import',
    summary: 'Import an image from a source, with all that it stands on',
    operands: 'UUID',
    options: [
      { name: 'channel', short: 'C', value: 'CHANNEL', help: 'The channel to import from' },
      quiet,
      pool,
      { name: 'source', short: 'S', value: 'URL', repeated: true, help: 'Import from this source instead of the configured ones; repeat for more' },
      { name: 'zstream', help: 'The source is a peer that sends a raw ZFS stream' },
      help,
    ],
    examples: ['imgadm import 1f32508c-e6e9-11e6-bc05-8fea9e979940', 'imgadm import -S https://images.example.com 1f32508c-e6e9-11e6-bc05-8fea9e979940'],
    load: async () => (await import('./import.ts')).importImage,
  },
  {
    name: 'install',
    summary: 'Install an image from local files',
    operands: '',
    options: [
      { name: 'manifest', short: 'm', value: 'FILE', help: 'The manifest' },
      { name: 'file', short: 'f', value: 'FILE', help: 'The image: a ZFS stream or a tar archive of a root file system, plain or compressed' },
      pool,
      quiet,
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
  {
    name: 'update',
    summary: 'Bring manifests of installed images up to date',
    operands: '[UUID...]',
    options: [dryRun, help],
    examples: ['imgadm update', 'imgadm update -n 1f32508c-e6e9-11e6-bc05-8fea9e979940'],
    load: async () => (await import('./update.ts')).update,
  },
  {
    name: 'vacuum',
    summary: 'Delete the images that nothing stands on',
    operands: '',
    options: [dryRun, { name: 'force', short: 'f', help: 'Delete without asking' }, help],
    examples: ['imgadm vacuum -n', 'imgadm vacuum -f'],
    load: async () => (await import('./vacuum.ts')).vacuum,
  },
  {
    name: 'publish',
    summary: 'Publish an image from local files to an image server',
    operands: 'URL',
    options: [
      { name: 'manifest', short: 'm', value: 'FILE', help: 'The manifest' },
      { name: 'file', short: 'f', value: 'FILE', help: 'The image' },
      quiet,
      help,
    ],
    examples: ['imgadm publish -m debian.imgmanifest -f debian.tar.zst http://127.0.0.1:8080'],
    load: async () => (await import('./publish.ts')).publish,
  },
];

/** Commands of SmartOS's imgadm that this version does not have. */
export const NOT_YET: readonly string[] = ['create'];

/** A command by its name or an alias. */
export function findCommand(name: string): Command | undefined {
  return COMMANDS.find((command) => command.name === name || command.aliases?.includes(name));
}

function fields(those: string): CommandOption {
  return { name: 'output', short: 'o', value: 'FIELDS', help: `Fields to show; default: ${those}` };
}
