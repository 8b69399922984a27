/** The manual pages of zonewright, its head node, nictagadm and sysinfo, from their tables of commands. */
import type { Entry, Manual, ManualCommand, ManualOption } from '../../host/manual/manual.ts';
import { HEAD_COMMANDS } from '../../headnode/cli/commands.ts';
import { NICTAGADM } from './nictagadm.ts';
import { PIADM } from './piadm.ts';
import type { Command, Option, Program } from './program.ts';
import { ZONEWRIGHT } from './zonewright.ts';
import { CONFIG_COMMANDS } from './zonewright/config-commands.ts';
import { PLATFORM_COMMANDS } from './zonewright/platform-commands.ts';
import { sysinfoCommand } from './zonewright/sysinfo.ts';

const EXIT_STATUS: readonly Entry[] = [
  ['0', 'done'],
  ['1', 'it failed; the standard error says why'],
  ['2', 'the command line is wrong, or the command cannot run here'],
];
const PLATFORM_STATUS: readonly Entry[] = [...EXIT_STATUS, ['3', 'it failed in the middle, and what is booted may be incomplete']];
const NODE_FILE: Entry = ['/etc/zonewright/node.json', 'what setup decided; the environment variable `ZONEWRIGHT_NODE` names another one'];

export function zonewrightManual(): Manual {
  return programManual(ZONEWRIGHT, {
    description: [
      'Makes a host a node, which runs zones and machines, and looks after it. `setup` inspects everything before it changes anything and does only what is missing, so it can be repeated.',
      'What runs on a node is managed with `vmadm` and `imgadm`; its networks with `nictagadm`.',
    ],
    exitStatus: [...EXIT_STATUS, ['doctor', '0 when zones can run on this host, 1 when not']],
    files: [NODE_FILE, ['/zones', 'the pool of the node'], ['/run/zonewright', 'what is needed while the node runs']],
    seeAlso: ['vmadm(8)', 'imgadm(8)', 'zlogin(8)', 'nictagadm(8)', 'sysinfo(8)', 'zonewright-config(8)', 'zonewright-head(8)', 'zonewright-platform(8)', 'zpool(8)'],
    values: { PATH: 'files' },
  });
}

export function headManual(): Manual {
  return programManual(
    { name: 'zonewright head', summary: 'orchestrate many nodes', commands: HEAD_COMMANDS },
    {
      description: ['A head node keeps what it knows of its nodes in PostgreSQL and serves the APIs of a fleet. Without a command it runs the head process. The other commands ask a head process that runs on this host.'],
      exitStatus: EXIT_STATUS,
      environment: [['DATABASE_URL', 'the PostgreSQL server that holds the state; several head nodes may share it']],
      files: [
        ['<data>/config.json', 'the configuration of the head node'],
        ['/etc/zonewright/head.env', 'environment of the service, such as `DATABASE_URL`; for root alone'],
      ],
      seeAlso: ['zonewright(8)'],
      values: { FILE: 'files', PATH: 'files', DIR: 'files' },
    },
  );
}

export function platformManual(): Manual {
  return programManual(
    { name: 'zonewright platform', summary: 'what this node boots', commands: PLATFORM_COMMANDS },
    {
      description: ['A platform image is the kernel and the root that a node boots into memory. Only signed ones are installed. One that was made the next to boot is on trial: a node that does not come up well goes back to the one before by itself.'],
      exitStatus: PLATFORM_STATUS,
      seeAlso: ['piadm(8)', 'zonewright(8)', 'zonewright-head(8)'],
    },
  );
}

export function piadmManual(): Manual {
  return programManual(PIADM, {
    description: ['The commands of `zonewright platform` under the names that SmartOS has for them.'],
    exitStatus: PLATFORM_STATUS,
    seeAlso: ['zonewright-platform(8)', 'zonewright(8)'],
  });
}

export function configManual(): Manual {
  return programManual(
    { name: 'zonewright config', summary: 'what of a RAM-booted node outlives a reboot', commands: CONFIG_COMMANDS },
    { description: ['A node that boots into memory keeps its configuration in its pool. On other hosts everything stays.'], exitStatus: EXIT_STATUS, seeAlso: ['zonewright(8)'] },
  );
}

export function nictagadmManual(): Manual {
  return programManual(NICTAGADM, {
    description: ['A nic tag names a network. On this node it stands for a bridge, which `add` makes with an interface of the host as its uplink, takes as the host has it, or makes for zones of this node alone. `delete` removes the tag and a bridge that was made for it.'],
    exitStatus: EXIT_STATUS,
    seeAlso: ['vmadm(8)', 'zonewright(8)'],
    values: { name: 'nictags' },
  });
}

export function sysinfoManual(): Manual {
  const { summary, options, examples = [] } = sysinfoCommand;
  return {
    name: 'sysinfo',
    section: 8,
    summary: lower(summary),
    description: ['Prints a document as JSON, with the names that SmartOS gives to its facts.'],
    forms: [Object.values(options).map(({ short }) => `[-${short ?? ''}]`).join(' ')],
    options: Object.entries(options).map(optionOf),
    exitStatus: EXIT_STATUS.slice(0, 2),
    examples: examples.map(([line, meaning]) => ({ line, meaning })),
    seeAlso: ['zonewright(8)'],
  };
}

/** The manual of a program from its table of commands, with what the table does not say. */
export function programManual({ name, summary, commands }: Program, more: Omit<Manual, 'name' | 'section' | 'summary' | 'commands'>): Manual {
  return { name, section: 8, summary, commands: commands.map(commandOf), ...more };
}

function commandOf({ name, summary, operands = '', options, examples = [] }: Command): ManualCommand {
  const given = Object.keys(options).length > 0 ? '[OPTIONS] ' : '';
  const verbs = verbsOf(operands);
  const forms = verbs.length > 0 ? operands.split(' | ') : [operands];
  return {
    name,
    forms: forms.map((form) => `${given}${form}`.trim()),
    summary,
    options: Object.entries(options).map(optionOf),
    examples: examples.map(([line, meaning]) => ({ line, meaning })),
    ...(verbs.length > 0 ? { verbs } : {}),
  };
}

/** Commands about a kind of thing show their verbs as operands: `list | get <name>`. */
function verbsOf(operands: string): string[] {
  const words = operands.split(' | ').map((form) => form.split(' ')[0] ?? '');
  return words.every((word) => /^[a-z][a-z-]*$/.test(word)) ? words : [];
}

function optionOf([name, { short, value, summary }]: readonly [string, Option]): ManualOption {
  return { name, shorts: short === undefined ? [] : [short], ...(value === undefined ? {} : { value }), summary };
}

function lower(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}
