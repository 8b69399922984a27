/** `npm run bench`: what is measured, how often, and where the results go. Runs in a sandbox (`scripts/bench.sh`). */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { calibrate, loadBefore, noiseOf } from './measure/noise.ts';
import { scoped, type Session } from './measure/session.ts';
import { PARTS } from './parts/index.ts';
import { curves } from './report/curves.ts';
import { hostFacts } from './report/host-facts.ts';
import { markdown } from './report/markdown.ts';
import { reportOf, type Report } from './report/report.ts';
import { table } from './report/table.ts';

const RESULTS = join(import.meta.dirname, '../../.cache/bench');

const OPTIONS = {
  rounds: { type: 'string' },
  scale: { type: 'string', default: '1' },
  postgres: { type: 'boolean', default: false },
  quick: { type: 'boolean', default: false },
  markdown: { type: 'boolean', default: false },
  out: { type: 'string', default: RESULTS },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  const unknown = positionals.filter((name) => !Object.hasOwn(PARTS, name));
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  const scales = values.scale.split(',').map(Number);
  if (values.help || unknown.length > 0 || !isCount(rounds ?? 1) || !scales.every(isCount)) {
    process.stderr.write(`${unknown.map((name) => `bench: there is nothing named '${name}' to measure\n`).join('')}${usage()}`);
    return values.help ? 0 : 2;
  }
  const names = positionals.length > 0 ? [...new Set(positionals)] : Object.keys(PARTS).filter((name) => !PARTS[name]?.onRequest);
  const report = await measure(names, { rounds, scales, quick: values.quick, postgres: values.postgres });
  await keep(report, values.out);
  process.stdout.write(values.markdown ? markdown(report) : table(report));
  // The table for the documentation has no place for them.
  if (values.markdown) process.stderr.write(report.failures.map((failure) => `FAILED ${failure}\n`).join(''));
  process.stderr.write(`\nkept in ${values.out}\n`);
  return report.failures.length > 0 ? 1 : 0;
}

/** Measure one part after the other. One that fails is told of, and the others go on. */
async function measure(names: readonly string[], options: Pick<Session, 'rounds' | 'scales' | 'quick' | 'postgres'>): Promise<Report> {
  const load = loadBefore();
  const began = new Date();
  const kept: Pick<Session, 'calibrations' | 'figures'> = { calibrations: [calibrate(), calibrate()], figures: [] };
  const remarks: string[] = [];
  const failures: string[] = [];
  for (const name of together(names)) {
    const session: Session = { ...options, ...kept, progress: (line) => say(`${name}: ${line}`), remark: (line) => void remarks.push(line), onEnd: () => undefined };
    try {
      await scoped(session, async (own) => (name === BOTH ? (await import('./parts/create.ts')).measureZones(own, ['create', 'delete']) : PARTS[name]?.measure(own)));
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      if (process.env['DEBUG'] !== undefined) process.stderr.write(`${error instanceof Error ? (error.stack ?? '') : ''}\n`);
    }
  }
  say('');
  const noise = noiseOf([...kept.calibrations, calibrate(), calibrate()], load);
  return reportOf({ began, facts: await hostFacts(), noise, figures: kept.figures, remarks, failures });
}

const BOTH = 'create, delete';

/** Create and delete are one measurement. */
function together(names: readonly string[]): string[] {
  if (!names.includes('create') || !names.includes('delete')) return [...names];
  return names.filter((name) => name !== 'delete').map((name) => (name === 'create' ? BOTH : name));
}

async function keep(report: Report, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'bench.json'), `${JSON.stringify(report, null, 2)}\n`);
  for (const { name, svg } of curves(report)) await writeFile(join(directory, `${name}.svg`), svg);
}

function say(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`);
  else if (line !== '') process.stderr.write(`${line}\n`);
}

function usage(): string {
  const parts = Object.entries(PARTS).map(([name, { summary, minutes, onRequest }]) => `    ${name.padEnd(10)}${summary}; ${minutes} min${onRequest ? '; only when named' : ''}\n`);
  return `Usage: npm run bench [-- [part…] [options]]

${parts.join('')}
    --rounds N    rounds that count, instead of each part's own number
    --scale A,B   scales of the head's part, like 1,3,10 (default 1)
    --postgres    the head's part on PostgreSQL instead of PGlite
    --quick       small sizes and two rounds: a look, not a judgement
    --markdown    print the table as docs/performance.md has it
    --out DIR     where bench.json and the curves go (default .cache/bench)
`;
}

function isCount(number: number): boolean {
  return Number.isInteger(number) && number > 0;
}

process.exitCode = await main(process.argv.slice(2));
