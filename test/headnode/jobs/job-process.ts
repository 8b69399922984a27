/**
 * A head process that does nothing but run jobs: `node job-process.ts <JSON: place, directory, start?, watch?>`. Each step writes a line
 * into `directory/journal`; the ones that wait do so until `directory/go` is there.
 */
import { existsSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { headErrors } from '../../../headnode/errors.ts';
import { openDatabase, type DatabasePlace } from '../../../headnode/db/open-database.ts';
import { openJobs } from '../../../headnode/jobs/open-jobs.ts';
import type { StepContext, Workflow } from '../../../headnode/services.ts';

export interface JobProcess {
  readonly place: DatabasePlace;
  readonly directory: string;
  /** A job of this workflow is begun, and its uuid printed. */
  readonly start?: string;
  /** This job is waited for, and printed. */
  readonly watch?: string;
}

export const ASKER = { requestId: 'test', by: 'operator' };

/** `walk`: three steps of which the second one waits. `stumble`: two steps, the second fails, and taking it back waits. */
export function workflows(directory: string): readonly Workflow[] {
  const write = async (line: string): Promise<void> => await appendFile(join(directory, 'journal'), `${line} ${process.pid}\n`);
  const wait = async (signal: AbortSignal): Promise<void> => {
    while (!existsSync(join(directory, 'go'))) await sleep(20, undefined, { signal });
  };
  const step = (name: string, waits = false) => ({
    name,
    timeoutSeconds: 600,
    async run({ signal }: StepContext) {
      await write(name);
      if (waits) await wait(signal);
      return { evidence: `${name} by ${process.pid}` };
    },
    async compensate() {
      await write(`un-${name}`);
    },
  });
  const failing = {
    ...step('make'),
    async run(): Promise<never> {
      await write('make');
      throw headErrors.InvalidArgument({ reason: 'it cannot be made' });
    },
    async compensate({ signal }: StepContext) {
      await write('un-make');
      await wait(signal);
    },
  };
  return [
    { name: 'walk', steps: [step('one'), step('two', true), step('three')] },
    { name: 'stumble', steps: [step('one'), failing] },
  ];
}

async function main({ place, directory, start, watch }: JobProcess): Promise<void> {
  const database = await openDatabase(place);
  const jobs = await openJobs({ database, onError: (what, error) => process.stderr.write(`${what}: ${String(error)}\n`) });
  for (const workflow of workflows(directory)) jobs.define(workflow);
  await jobs.begin();
  if (start !== undefined) process.stdout.write(`${(await jobs.start(start, { params: {}, lock: start, asker: ASKER })).uuid}\n`);
  if (watch !== undefined) process.stdout.write(`${JSON.stringify(await jobs.wait(watch, 300))}\n`);
  process.once('SIGTERM', () => void jobs.close().then(() => database.close()));
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '') as JobProcess);
