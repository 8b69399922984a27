/** The manual page of imgadm, from its table of commands. */
import type { Manual, ManualOption } from '../../host/manual/manual.ts';
import type { CommandOption } from './command.ts';
import { COMMANDS, TOP_OPTIONS } from './commands.ts';

export function imgadmManual(): Manual {
  return {
    name: 'imgadm',
    section: 8,
    summary: 'manage images of this node',
    description: [
      'An image is what instances are cloned from: a dataset or volume with a manifest, known by its uuid. Images come from the sources of `imgadm sources`, or from files.',
      'A filter is FIELD=VALUE, FIELD=~SUBSTRING for a part of the value.',
    ],
    options: TOP_OPTIONS.map(optionOf),
    commands: COMMANDS.map(({ name, aliases, summary, operands, options, examples }) => ({
      name,
      ...(aliases ? { aliases } : {}),
      forms: [`${options.length > 0 ? '[OPTIONS] ' : ''}${operands}`.trim()],
      summary,
      options: options.map(optionOf),
      examples: examples.map((line) => ({ line })),
    })),
    exitStatus: [
      ['0', 'done'],
      ['1', 'it failed; the standard error says why: `imgadm COMMAND: error (CODE): reason`'],
      ['2', 'the command cannot run: you are not root, or this host is no node'],
      ['3', 'there is no such image on this node'],
    ],
    environment: [
      ['REQ_ID', 'the id that the operation has in logs and in its journal'],
      ['ZONEWRIGHT_NODE', 'another configuration than /etc/zonewright/node.json'],
    ],
    seeAlso: ['vmadm(8)', 'zonewright(8)'],
    values: { UUID: 'images', FILE: 'files' },
  };
}

function optionOf({ name, short, value, help }: CommandOption): ManualOption {
  return { name, shorts: short === undefined ? [] : [short], ...(value === undefined ? {} : { value }), summary: help };
}
