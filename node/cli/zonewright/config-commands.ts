import type { Change } from '../../persistence/layer-changes.ts';
import type { Command } from '../program.ts';

const JSON_OPTION = { json: { type: 'boolean', short: 'j', summary: 'as JSON' } } as const;

const lostCommand: Command = {
  name: 'lost',
  summary: 'List files that a reboot would take; exit status 1 when there are any',
  options: JSON_OPTION,
  examples: [['zonewright config lost', 'exit status 0: nothing would be lost']],
  async run({ values }) {
    const { lostAtReboot } = await import('../../persistence/changes.ts');
    const changes = await lostAtReboot();
    print(changes, values['json'] === true, changes ? 'A reboot would take nothing.' : 'The root of this host is on a disk: a reboot takes nothing.');
    return changes === undefined || changes.length === 0 ? 0 : 1;
  },
};

const listCommand: Command = {
  name: 'list',
  summary: "List files of /etc that are kept because they differ from the image's, and hide those of a newer one",
  options: JSON_OPTION,
  async run({ values }) {
    const { keptInEtc } = await import('../../persistence/changes.ts');
    const changes = await keptInEtc();
    print(changes, values['json'] === true, changes ? "Nothing in /etc differs from the image's." : 'On this host /etc is not a layer over an image: all of it is its own.');
    return 0;
  },
};

const mountCommand: Command = {
  name: 'mount',
  summary: 'On a RAM-booted host, before its init starts: import the pool and mount what it keeps. The platform calls it',
  options: {},
  async run() {
    const { beforeInit } = await import('../../persistence/before-init.ts');
    for (const line of await beforeInit()) process.stdout.write(`zonewright: ${line}\n`);
    return 0;
  },
};

export const CONFIG_COMMANDS: readonly Command[] = [lostCommand, listCommand, mountCommand];

function print(changes: readonly Change[] | undefined, json: boolean, otherwise: string): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(changes ?? [], null, 2)}\n`);
    return;
  }
  const rows = (changes ?? []).map(({ state, bytes, path }) => [state, String(bytes), printable(path)] as const);
  const lines = [['STATE', 'BYTES', 'PATH'] as const, ...rows].map(([state, bytes, path]) => `${state.padEnd(9)}${bytes.padStart(12)}  ${path}`);
  process.stdout.write(rows.length === 0 ? `${otherwise}\n` : `${lines.join('\n')}\n`);
}

/** A name is anybody's choice; a terminal shall not take it for commands. */
function printable(path: string): string {
  return /[\p{Cc}\p{Cf}]/u.test(path) ? JSON.stringify(path) : path;
}
