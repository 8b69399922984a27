import { quoted } from './quoted.ts';
import { run } from '../../host/run/run.ts';
import { runInteractively } from '../../host/run/interactive.ts';
import { ZonewrightError } from '../../host/errors/errors.ts';

/** A command said why it could not do its part. */
export class Failed extends Error {}

/** The user pressed Ctrl-C; the command that ran has tidied up after itself. */
export class Interrupted extends Error {}

export interface Timing {
  readonly title: string;
  readonly seconds: number;
}

let interrupted = false;
process.on('SIGINT', () => (interrupted = true));

/** Do a step by its command, shown as the user could type it. @throws Failed, Interrupted */
export async function doStep(number: number, title: string, argv: readonly [string, ...string[]]): Promise<Timing> {
  process.stdout.write(`\n[${number}] ${title}\n`);
  const started = performance.now();
  await show(argv);
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(`    ${seconds.toFixed(1)} s\n`);
  return { title, seconds };
}

/** Show a command and run it on this terminal. @throws Failed, Interrupted */
export async function show(argv: readonly [string, ...string[]]): Promise<void> {
  process.stdout.write(`$ ${argv.map(quoted).join(' ')}\n`);
  const status = await runInteractively(argv, environment());
  if (interrupted || status === 130) throw new Interrupted();
  if (status !== 0) throw new Failed(`\`${argv.slice(0, 2).join(' ')}\` ended with status ${status}`);
}

/** What a command prints. @throws Failed, Interrupted */
export async function answerOf(argv: readonly [string, ...string[]]): Promise<string> {
  try {
    const { stdout } = await run(argv, { environment: environment() });
    if (interrupted) throw new Interrupted();
    return stdout;
  } catch (error) {
    if (error instanceof ZonewrightError) throw new Failed(error.message);
    throw error;
  }
}

/** How long each part took, and what to try now. */
export function sayResult(timings: readonly Timing[], zone: { readonly uuid: string; readonly address: string }, machine: string | undefined): void {
  const width = Math.max(...timings.map(({ title }) => title.length)) + 2;
  const total = timings.reduce((sum, { seconds }) => sum + seconds, 0);
  const rows = [...timings, { title: 'All of it', seconds: total }].map(({ title, seconds }) => `${title.padEnd(width)}${seconds.toFixed(1).padStart(7)} s`);
  process.stdout.write(
    ['', '== Where the time went', ...rows, '', `The zone first-zone runs, and this host reaches it at ${zone.address}. Next:`, '', `  bin/zlogin ${zone.uuid}`, machine === undefined ? `  bin/vmadm get ${zone.uuid}` : `  bin/vmadm console ${machine}    (Ctrl-] leaves it)`, '  bin/zonewright doctor', '', ''].join('\n'),
  );
}

function environment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
