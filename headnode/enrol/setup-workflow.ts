/**
 * Setting up a server (control-plane §2.5). The machine does the work; the job hands it what it needs, watches what it tells, and
 * says in the end what became of it. It can be asked for again after a failure.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { claimMachine } from '../boot/first-sight.ts';
import type { Database } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import type { OpenServers } from '../servers/open-servers.ts';
import type { Networks, StepContext, Workflow, WorkflowStep } from '../services.ts';
import { requestOfJob, type JoinRequestRow } from './requests.ts';
import { macsIn } from './stranger.ts';

export interface SetupDependencies {
  readonly database: Database;
  readonly servers: Pick<OpenServers, 'get' | 'update'>;
  readonly networks: Pick<Networks, 'adoptServer'>;
}

export const SETUP_WORKFLOW = 'server-setup';

/** A machine asks every 5 seconds; one that is not there within the minutes will not come. */
const HAND_OVER_SECONDS = 300;
const SETUP_SECONDS = 3600;
const LOOK_MILLISECONDS = 500;

export function setupWorkflow(dependencies: SetupDependencies): Workflow {
  return { name: SETUP_WORKFLOW, steps: [begin(dependencies), handOver(dependencies), setUp(dependencies), finish(dependencies)] };
}

const uuidOf = ({ params }: StepContext): string => String(params['server_uuid']);

function begin({ database, servers, networks }: SetupDependencies): WorkflowStep {
  return {
    name: 'cnapi.begin_setup',
    timeoutSeconds: 120,
    async run(context) {
      const uuid = uuidOf(context);
      const request = await requestIn(database, context);
      // A machine that is done by the time this is done again stays set up.
      await servers.update(uuid, { columns: request.handed_at === null ? { setup: false } : {}, record: { setting_up: true } });
      await claimMachine(database, uuid, macsIn(request.sysinfo));
      const server = await servers.get(uuid);
      if (server) await networks.adoptServer(server);
      return { evidence: `its key is ${request.key}` };
    },
    async compensate(context) {
      const uuid = uuidOf(context);
      // Another setup of the same server may have begun since.
      const rows = await database.query('DELETE FROM join_requests WHERE job = $1 RETURNING uuid', [context.jobUuid]);
      const [other] = await database.query('SELECT 1 FROM join_requests WHERE uuid = $1 AND job IS NOT NULL', [uuid]);
      if (rows.length > 0 && !other && (await servers.get(uuid))) await servers.update(uuid, { columns: {}, record: { setting_up: false } });
    },
  };
}

function handOver({ database }: SetupDependencies): WorkflowStep {
  return {
    name: 'node.fetch_certificate',
    timeoutSeconds: HAND_OVER_SECONDS,
    run: (context) => watch(context, async () => {
      const { handed_at } = await requestIn(database, context);
      return handed_at === null ? undefined : { evidence: `fetched at ${handed_at.toISOString()}` };
    }),
  };
}

function setUp({ database, servers }: SetupDependencies): WorkflowStep {
  return {
    name: 'node.set_up',
    timeoutSeconds: SETUP_SECONDS,
    run: (context) => watch(context, async () => {
      const { states } = await requestIn(database, context);
      const server = await servers.get(uuidOf(context));
      if (!server) throw headErrors.SetupFailed({ server: uuidOf(context), reason: 'it was deleted meanwhile' });
      return server.setup && server.status === 'running' ? { evidence: states.map(({ state }) => state).join(', ') || 'it has registered' } : undefined;
    }),
  };
}

function finish({ database, servers }: SetupDependencies): WorkflowStep {
  return {
    name: 'cnapi.finish_setup',
    timeoutSeconds: 60,
    async run(context) {
      await servers.update(uuidOf(context), { columns: { setup: true }, record: { setting_up: false } });
      await database.query('DELETE FROM join_requests WHERE job = $1', [context.jobUuid]);
      return { evidence: 'it is set up' };
    },
  };
}

async function watch<Result>({ signal }: StepContext, look: () => Promise<Result | undefined>): Promise<Result> {
  for (;;) {
    signal.throwIfAborted();
    const result = await look();
    if (result !== undefined) return result;
    await sleep(LOOK_MILLISECONDS, undefined, { signal });
  }
}

/** @throws SetupFailed when the machine says so, or this job is not the one any more that sets it up */
async function requestIn(database: Database, context: StepContext): Promise<JoinRequestRow> {
  const server = uuidOf(context);
  const request = await requestOfJob(database, context.jobUuid);
  if (!request) throw headErrors.SetupFailed({ server, reason: 'the machine began anew, and its setup with it' });
  if (request.failure !== null) throw headErrors.SetupFailed({ server, reason: request.failure });
  return request;
}
