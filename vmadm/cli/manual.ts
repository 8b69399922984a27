/** The manual pages of vmadm, zlogin and the properties of an instance, from their tables. */
import type { Entry, Manual, ManualCommand, ManualOption } from '../../host/manual/manual.ts';
import { COLLECTIONS, TOP_LEVEL } from '../payload/tables.ts';
import type { PropertyTable } from '../payload/property.ts';
import { propertyFacts } from '../payload/markdown.ts';
import type { Command, CommandOption } from './command.ts';
import { COMMANDS } from './commands.ts';
import { ZLOGIN_FORMS, ZLOGIN_OPTIONS } from './zlogin.ts';

const ROOT_ONLY = 'you are not root, or this host is no node';

export function vmadmManual(): Manual {
  return {
    name: 'vmadm',
    section: 8,
    summary: 'manage zones and machines of this node',
    description: [
      'An instance is a zone, which is an OS container, or a machine, which is a guest of QEMU. It is known by its uuid. Data is written to the standard output, everything else to the standard error.',
      'An option may be anywhere behind the command, and be shortened as long as it is clear. Every command takes `--help`.',
    ],
    commands: COMMANDS.map(commandOf),
    exitStatus: [
      ['0', 'done, also when there was nothing to do'],
      ['1', 'it failed; the reason is on the standard error, and nothing half-made is left'],
      ['2', `the command line is wrong, or the command cannot run: ${ROOT_ONLY}`],
      ['130', 'it was interrupted, and what it had done was undone'],
    ],
    environment: [
      ['VMADM_WARN', 'with 1, what a person would be told on a terminal is told everywhere'],
      ['REQ_ID', 'the id that the operation has in logs and in its journal'],
      ['ZONEWRIGHT_NODE', 'another configuration than /etc/zonewright/node.json'],
    ],
    files: [
      ['/zones/config', 'one JSON file for each instance'],
      ['/run/zonewright/agent.sock', 'where the agent answers; without one the command does the work itself'],
    ],
    seeAlso: ['vmadm-properties(7)', 'imgadm(8)', 'zlogin(8)', 'nictagadm(8)', 'zonewright(8)'],
    values: { uuid: 'instances', file: 'files', target: 'files' },
    properties: {
      property: Object.entries(TOP_LEVEL).flatMap(([name, { actions }]) => (actions.includes('u') ? [name] : [])),
      field: Object.keys(TOP_LEVEL),
    },
  };
}

export function zloginManual(): Manual {
  return {
    name: 'zlogin',
    section: 8,
    summary: 'log in to a running zone, run a command in it, or use its console',
    description: ["A zone is named by its uuid, or by an alias that only one has. The command is run by the zone's own shell. Nothing of the host's environment is for the zone to see."],
    forms: ZLOGIN_FORMS,
    options: Object.entries(ZLOGIN_OPTIONS).map(optionOf),
    exitStatus: [
      ["the command's", 'the command has run'],
      ['1', 'there is no such zone, or it does not run'],
      ['2', `the command line is wrong, or the command cannot run: ${ROOT_ONLY}`],
    ],
    examples: [{ line: 'zlogin web' }, { line: "zlogin -l www web 'tail -f log/current'" }],
    seeAlso: ['vmadm(8)'],
    values: { 'uuid|alias': 'zones' },
  };
}

export function propertiesManual(): Manual {
  return {
    name: 'vmadm-properties',
    section: 7,
    summary: 'what describes an instance',
    description: ['What a payload of `vmadm create` and `vmadm update` may hold and what `vmadm get` prints. A property that says nothing of how it is given is only reported.'],
    lists: [
      { title: 'Instance', entries: entriesOf(TOP_LEVEL) },
      ...Object.entries(COLLECTIONS).map(([name, table]) => ({ title: `Elements of ${name}`, entries: entriesOf(table) })),
    ],
    seeAlso: ['vmadm(8)'],
  };
}

function entriesOf(table: PropertyTable): Entry[] {
  return Object.entries(table).map(([name, definition]) => {
    const { notes, accepted, fallback, brands, given, applies } = propertyFacts(definition);
    const facts = [
      notes,
      ...(accepted === '' ? [] : [`Accepted: ${accepted}`]),
      ...(fallback === '' ? [] : [`Default: ${fallback}`]),
      ...(brands === 'all' ? [] : [`Brands: ${brands}`]),
      ...(given === 'reported only' ? [] : [`Given in: ${given}`]),
      ...(applies === '' ? [] : [`An update works ${applies}`]),
    ];
    return [name, facts.join('. ')];
  });
}

function commandOf({ name, aliases, forms, summary, description, options = {}, examples = [], load }: Command): ManualCommand {
  const told = [...(description === undefined ? [] : [description]), ...(load ? [] : ['This version does not have it yet.'])];
  return {
    name,
    ...(aliases ? { aliases } : {}),
    forms,
    summary,
    ...(told.length > 0 ? { description: told.join(' ') } : {}),
    options: Object.entries(options).map(optionOf),
    examples: examples.map((line) => ({ line })),
  };
}

function optionOf([name, { short, negatedShort, value, summary }]: readonly [string, Omit<CommandOption, 'type'>]): ManualOption {
  return { name, shorts: [short, negatedShort].filter((letter) => letter !== undefined), ...(value === undefined ? {} : { value }), summary };
}
