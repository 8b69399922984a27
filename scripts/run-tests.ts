/**
 * `npm test [-- pattern …]`: lint and types, unit tests, integration tests in the sandbox, then end-to-end tests, which set
 * up hosts of their own. Patterns choose test files
 * whose path contains one of them; when no path does, they choose tests by name (as regular expressions) in all files.
 * The last line says how many checks passed and failed.
 */
import { existsSync } from 'node:fs';
import { glob, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { runInteractively } from '../host/run/interactive.ts';
import type { Counts } from './counting-reporter.ts';
import { runInLanes } from './test-lanes.ts';

const ROOT = join(import.meta.dirname, '..');
const NODE = process.execPath;
/** Seed images come from the Debian mirror, which the sandbox cannot reach, so they are built before it is entered. */
const SEEDS = 'images/seed/build.ts';
const NOTHING: Counts = { passed: 0, failed: 0, skipped: 0 };

const SANDBOX = join(ROOT, 'test/sandbox/enter.sh');
/** Files that hold for commands by themselves and for commands as clients of an agent; run both ways. */
const THROUGH_AGENT = ['test/imgadm/cli.itest.ts', 'test/vmadm/bad-input.itest.ts', 'test/vmadm/lifecycle.itest.ts', 'test/vmadm/update.itest.ts'];

/** Three machines in QEMU keep two processors busy by themselves. */
const ALONE = ['test/e2e/booted-fleet.test.ts'];

let interrupted = false;
process.on('SIGINT', () => (interrupted = true));

async function main(patterns: readonly string[]): Promise<number> {
  process.chdir(ROOT);
  const { chosen, names } = await choose(await testFiles(), patterns);
  const unit = chosen.filter((file) => file.endsWith('.test.ts') && !file.startsWith('test/e2e/'));
  const integration = chosen.filter((file) => file.endsWith('.itest.ts'));
  const endToEnd = chosen.filter((file) => file.startsWith('test/e2e/'));

  const results: Counts[] = [];
  if (patterns.length === 0) results.push(await check('lint', ['scripts/lint.ts']), await check('types', ['node_modules/typescript/bin/tsc', '--noEmit']));
  if (chosen.some((file) => /^test\/(headnode|e2e)\//.test(file))) results.push(await check('API clients', ['scripts/api-clients.ts']));
  results.push(await runFiles({ title: 'unit tests', files: unit, names, lanes: LANES }));
  if (integration.length + endToEnd.length > 0) {
    for (const seed of ['minimal', 'debian', 'debian-cloud', 'tiny-vm', 'debian-vm']) results.push(await check(`seed image ${seed}`, [SEEDS, seed]));
    results.push(await check('guest tools', ['images/guest-tools/build.ts']));
    if (integration.some((file) => file.startsWith('test/packaging/'))) results.push(await check('package', ['test/packaging/support/prepare.ts']));
  }
  results.push(await runFiles({ title: 'integration tests', files: integration, names, lanes: LANES, sandbox: true }));
  // The same commands, whose work an agent does.
  process.env['ZONEWRIGHT_TEST_AGENT'] = '1';
  results.push(await runFiles({ title: 'integration tests through the agent', files: integration.filter((file) => THROUGH_AGENT.includes(file)), names, lanes: LANES, sandbox: true }));
  delete process.env['ZONEWRIGHT_TEST_AGENT'];
  // Each of these enters a sandbox of its own, as a host to be set up.
  const [alone, others] = [endToEnd.filter((file) => ALONE.includes(file)), endToEnd.filter((file) => !ALONE.includes(file))];
  results.push(await runFiles({ title: 'end-to-end tests', files: others, names, lanes: LANES }));
  results.push(await runFiles({ title: 'end-to-end tests that run alone', files: alone, names, lanes: 1 }));
  return report(results);
}

interface Choice {
  readonly chosen: readonly string[];
  /** Patterns for the names of tests; none means every test of the chosen files. */
  readonly names: readonly string[];
}

/** Further stories in machines that boot, ten minutes each: they run when their path is named. */
const LONG = 'test/e2e/long/';

async function choose(files: readonly string[], patterns: readonly string[]): Promise<Choice> {
  if (patterns.length === 0) return { chosen: files.filter((file) => !file.startsWith(LONG)), names: [] };
  const byPath = files.filter((file) => patterns.some((pattern) => file.includes(pattern)));
  if (byPath.length > 0) return { chosen: byPath, names: [] };
  const texts = await Promise.all(files.map((file) => readFile(join(ROOT, file), 'utf8')));
  const expressions = patterns.map((pattern) => new RegExp(pattern));
  const byText = files.filter((_, index) => expressions.some((expression) => expression.test(texts[index] ?? '')));
  // A name that is put together in a loop is in no file's text, so then every file is asked.
  return { chosen: byText.length > 0 ? byText : files, names: patterns };
}

function report(results: readonly Counts[]): number {
  const { passed, failed, skipped } = results.reduce(add, NOTHING);
  const nothingRan = passed + failed === 0;
  if (flaky.length > 0) process.stdout.write(`\nFailed at first, and passed when run again:\n${flaky.map((file) => `  ${relative(ROOT, file)}\n`).join('')}`);
  if (interrupted) process.stdout.write('\nInterrupted.\n');
  if (nothingRan) process.stdout.write('\nNo test matches.\n');
  process.stdout.write(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  if (interrupted) return 130;
  return failed > 0 || nothingRan ? 1 : 0;
}

async function testFiles(): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob(['test/**/*.test.ts', 'test/**/*.itest.ts'], { cwd: ROOT })) files.push(file);
  return files.sort();
}

/** Run one of our own programs as a check of its own. */
async function check(name: string, argv: readonly string[]): Promise<Counts> {
  if (interrupted) return NOTHING;
  heading(name);
  const status = await runInteractively([NODE, ...argv], environment());
  process.stdout.write(status === 0 ? 'ok\n' : `${name} failed\n`);
  return status === 0 ? { ...NOTHING, passed: 1 } : { ...NOTHING, failed: 1 };
}

/** Files that failed and passed when they were run again; said at the end, since each is a fault of its own. */
const flaky: string[] = [];
const MOST_FLAKY = 3;
const LANES = 2;

interface Section {
  readonly title: string;
  readonly files: readonly string[];
  readonly names: readonly string[];
  /** How many files at a time: much of what tests do is waiting. */
  readonly lanes: number;
  /** Each file in a sandbox of its own. */
  readonly sandbox?: boolean;
}

/** Run test files; where only a few fail, these once more, on their own: what fails twice has failed. */
async function runFiles(section: Section): Promise<Counts> {
  if (section.files.length === 0 || interrupted) return NOTHING;
  const first = await runOnce(section);
  const failed = first.failedFiles ?? [];
  if (first.failed === 0 || failed.length === 0 || failed.length > MOST_FLAKY || interrupted) return first;
  const second = await runOnce({ ...section, title: `${section.title}: once more what failed`, files: failed, lanes: 1 });
  if (second.failed > 0 || second.passed === 0) return first;
  flaky.push(...failed);
  return { passed: first.passed + first.failed, failed: 0, skipped: first.skipped };
}

async function runOnce({ title, files, names, lanes, sandbox = false }: Section): Promise<Counts> {
  heading(title);
  const scratch = await mkdtemp(join(tmpdir(), 'zonewright-tests-'));
  const argvOf = (name: string, some: readonly string[]): [string, ...string[]] => [NODE, '--test', `--test-concurrency=${lanes}`, ...reporters(join(scratch, name)), ...names.map((pattern) => `--test-name-pattern=${pattern}`), ...some];
  const countsIn = async (name: string, status: number): Promise<Counts> => {
    const file = join(scratch, name);
    return existsSync(file) ? countsOf(await readFile(file, 'utf8'), status) : { ...NOTHING, failed: 1 };
  };
  try {
    if (!sandbox) return await countsIn('all', await runInteractively(argvOf('all', files), environment()));
    const jobs = new Map(files.map((file, index) => [file, [SANDBOX, ...argvOf(String(index), [file])] as [string, ...string[]]]));
    const ended = await runInLanes(jobs, { count: lanes, environment: environment(), isOver: () => interrupted });
    const counts = await Promise.all([...ended].map(async ([file, status]) => named(file, await countsIn(String(files.indexOf(file)), status))));
    return counts.reduce(add, NOTHING);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** A file whose run failed is one that failed, also when no test of it could say so. */
function named(file: string, counts: Counts): Counts {
  return counts.failed === 0 ? counts : { ...counts, failedFiles: [file] };
}

/** A run that ended badly without a failed test in its counts (it was killed, a file did not load) is a failure too. */
function countsOf(text: string, status: number): Counts {
  const counts = text === '' ? NOTHING : (JSON.parse(text) as Counts);
  return status !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

function reporters(countsFile: string): string[] {
  const counting = join(ROOT, 'scripts/counting-reporter-entry.mjs');
  return ['--test-reporter=spec', '--test-reporter-destination=stdout', `--test-reporter=${counting}`, `--test-reporter-destination=${countsFile}`];
}

function add(one: Counts, other: Counts): Counts {
  return { passed: one.passed + other.passed, failed: one.failed + other.failed, skipped: one.skipped + other.skipped, failedFiles: [...(one.failedFiles ?? []), ...(other.failedFiles ?? [])] };
}

function heading(text: string): void {
  process.stdout.write(`\n== ${text}\n`);
}

function environment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

process.exitCode = await main(process.argv.slice(2));
