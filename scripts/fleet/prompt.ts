import { createInterface } from 'node:readline/promises';
import { runInteractively } from '../../host/run/interactive.ts';
import { quoted } from '../quickstart/quoted.ts';
import type { Fleet } from './fleet.ts';
import { TRITON } from './customer.ts';
import type { Shell } from './hosts.ts';

const HELP = `
The fleet runs until you type \`exit\` or press Ctrl-D. Type

  HOST             for a shell on one of its hosts (HOSTS)
  HOST COMMAND     to run a command there: head bin/zonewright head status, node1 bin/vmadm list
  triton …         as alice, who has an account: triton instance create -w -n web --network=fleet minimal small
  kill HOST        to end its head process or agent at once; start HOST begins it again
  cut HOST         to pull its network cable; heal HOST puts it in again
  help             for this text
`;

/** Let a person at the terminal look around and do damage. Ends when they have seen enough. */
export async function prompt(fleet: Fleet): Promise<void> {
  const hosts = new Map([fleet.head, ...fleet.nodes].map((member) => [member.host.name, member.host]));
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const help = HELP.replace('HOSTS', [...hosts.keys()].join(', '));
  say(help);
  for (;;) {
    const line = await nextLine();
    const [word = '', ...rest] = (line ?? 'exit').trim().split(/\s+/);
    const host = hosts.get(word);
    const member = hosts.get(rest[0] ?? '');
    if (word === 'exit') return;
    if (word === 'triton') await onTerminal(fleet.customer.host, [process.execPath, TRITON, ...rest], fleet.customer.environment);
    else if (host) await onTerminal(host, rest.length === 0 ? ['bash'] : (rest as [string, ...string[]]));
    else if (member && ['kill', 'start', 'cut', 'heal'].includes(word)) await disturb(fleet, word, member).catch((error: unknown) => say(String(error)));
    else if (word !== '') say(word === 'help' ? help : `There is neither a host nor a command ${JSON.stringify(word)}; type help.`);
  }
}

/** The next line, undefined at the end of input. The terminal is free for programs between two of them. */
async function nextLine(): Promise<string | undefined> {
  const reader = createInterface({ input: process.stdin, output: process.stdout });
  const ended = new Promise<undefined>((resolve) => reader.once('close', () => resolve(undefined)));
  try {
    return await Promise.race([reader.question('fleet> '), ended]);
  } finally {
    reader.close();
  }
}

async function onTerminal(host: Pick<Shell, 'argv'>, argv: readonly [string, ...string[]], environment: Readonly<Record<string, string>> = {}): Promise<void> {
  const inherited = Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
  // A terminal of its own: a shell that took ours could not give it back, since it does not see our process group.
  await runInteractively(['script', '--quiet', '--return', '--command', host.argv(argv).map(quoted).join(' '), '/dev/null'], { ...inherited, ...environment });
}

async function disturb({ head, nodes }: Fleet, what: string, host: Shell): Promise<void> {
  const node = nodes.find((one) => one.host === host);
  if (what === 'cut' || what === 'heal') await host.cable(what === 'cut' ? 'out' : 'in');
  else if (what === 'kill') await (node ? node.kill() : head.kill());
  else await (node ?? head).start();
}
