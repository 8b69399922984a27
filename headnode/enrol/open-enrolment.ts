/**
 * Machines that ask to become nodes (docs/decisions/join-by-approval.md): who asks, who of them may, and what they are handed.
 */
import type Logger from 'bunyan';
import { enrolRequestSchema, holderUri, readableFingerprint, setupParametersSchema, type EnrolAnswer, type SetupEvent, type SetupParameters } from '../../agent/wire/index.ts';
import { isErrorCode } from '../../host/errors/errors.ts';
import { readRequest, type Request } from '../../host/pki/request.ts';
import type { Database } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import type { OpenJobs } from '../jobs/open-jobs.ts';
import type { Pki } from '../pki/open-pki.ts';
import { seal, unseal, type SealKey } from '../pki/seal.ts';
import type { OpenServers } from '../servers/open-servers.ts';
import type { Asker, Networks, WireObject } from '../services.ts';
import { newPace } from './pace.ts';
import { listRequests, noteRequest, noteState, requestOf, showAsServer, type JoinRequestRow } from './requests.ts';
import { SETUP_WORKFLOW, setupWorkflow } from './setup-workflow.ts';
import { strangerSysinfo } from './stranger.ts';

/** What of the head's configuration is about this. */
export interface SetupPolicy {
  /** `automatic`: whoever asks on the admin network is set up, unless its uuid is that of a server. */
  readonly setup_nodes: 'by_operator' | 'automatic';
  /** Unless somebody says otherwise. */
  readonly node_setup: Omit<SetupParameters, 'hostname'>;
}

export interface EnrolmentOptions {
  readonly database: Database;
  readonly log: Logger;
  readonly jobs: OpenJobs;
  readonly servers: OpenServers;
  readonly networks: Pick<Networks, 'adoptServer'>;
  readonly pki: Pick<Pki, 'admit'>;
  readonly sealKey: SealKey;
  readonly policy: SetupPolicy;
}

export interface Enrolment {
  /** Count a request of an address, before any of it is read. @throws TooManyRequests */
  pace(address: string): void;
  /** Answer a machine. @throws ZodError, InvalidArgument, NotAuthorized, TooManyRequests */
  ask(body: unknown, address: string): Promise<EnrolAnswer>;
  list(): Promise<readonly WireObject[]>;
  /** Let a machine that asks become a server. @throws NotAsking, Conflict */
  setUp(uuid: string, wanted: { readonly setup: Partial<SetupParameters>; readonly fingerprint?: string | undefined }, asker: Asker): Promise<{ readonly job_uuid: string }>;
  /** What a server tells while it is set up. */
  told(uuid: string, event: SetupEvent): Promise<void>;
}

/** Let a workflow be known, and answer machines from then on. */
export function openEnrolment({ database, log, jobs, servers, networks, pki, sealKey, policy }: EnrolmentOptions): Enrolment {
  jobs.define(setupWorkflow({ database, servers, networks }));
  const pace = newPace();

  const approve = async (uuid: string, { setup, fingerprint, asker }: { readonly setup: Partial<SetupParameters>; readonly fingerprint?: string | undefined; readonly asker: Asker }): Promise<string> => {
    const sealed = seal(sealKey, JSON.stringify(setupParametersSchema.parse({ ...policy.node_setup, ...setup })));
    return await database.transaction(
      async (queries) => {
        const request = await requestOf(queries, uuid, fingerprint);
        if (request.job !== null) throw headErrors.Conflict({ reason: `server ${uuid} is being set up by job ${request.job}` });
        // What was approved of before under this uuid is another key's; its job sees that and ends.
        await queries.query('DELETE FROM join_requests WHERE uuid = $1 AND key <> $2 AND job IS NOT NULL', [uuid, request.key]);
        const job = await jobs.startWithin(queries, SETUP_WORKFLOW, { params: { server_uuid: uuid, key: request.key }, lock: uuid, serverUuid: uuid, asker });
        await queries.query("UPDATE join_requests SET job = $3, approved_at = now(), setup = $4, handed_at = NULL, states = '[]', failure = NULL WHERE uuid = $1 AND key = $2", [uuid, request.key, job.uuid, sealed]);
        return job.uuid;
      },
      { isolation: 'read committed' },
    );
  };

  const approveByItself = async ({ uuid, key, first_seen }: JoinRequestRow): Promise<void> => {
    if (policy.setup_nodes !== 'automatic' || (await servers.get(uuid))?.setup !== false) return;
    // A machine that was being set up and has started again has another key now; one that is at work is left to it.
    const [busy] = await database.query(
      `SELECT 1 FROM join_requests WHERE uuid = $1 AND key <> $2 AND failure IS NULL AND job IS NOT NULL
         AND GREATEST(seen_at, approved_at, handed_at, (states->-1->>'at')::timestamptz) > now() - interval '1 minute'`,
      [uuid, key],
    );
    if (busy || (await hasFailedLately(database, uuid))) return;
    log.info({ server_uuid: uuid, fingerprint: readableFingerprint(key), first_seen }, 'a machine is set up, as the configuration has it');
    try {
      await approve(uuid, { setup: {}, fingerprint: key, asker: { requestId: `automatic-${uuid}`, by: 'automatic' } });
    } catch (error) {
      if (!isErrorCode(error, 'Conflict')) throw error;
    }
  };

  const handOver = async ({ uuid, key, csr, setup }: JoinRequestRow): Promise<EnrolAnswer> => {
    const text = unseal(sealKey, setup ?? '');
    if (text === undefined) throw headErrors.SealKeyInvalid({ path: 'seal.key', reason: 'how this machine is to be set up was sealed with another one' });
    const { certificate, ca, heads } = await pki.admit(uuid, csr);
    await database.query('UPDATE join_requests SET handed_at = now() WHERE uuid = $1 AND key = $2', [uuid, key]);
    return { state: 'approved', certificate, ca, heads, setup: JSON.parse(text) as SetupParameters };
  };

  return {
    pace: pace.take,
    async ask(body, address) {
      const { csr, secret, sysinfo: told } = enrolRequestSchema.parse(body);
      const sysinfo = strangerSysinfo(told);
      const uuid = sysinfo.UUID;
      const { fingerprint: key } = requireHolder(await readRequest(csr), uuid);
      const row = await noteRequest(database, { uuid, key, csr, secret, sysinfo, address });
      if (row.job !== null && row.failure === null) return await handOver(row);
      if (await showAsServer(database, { uuid, key, csr, secret, sysinfo, address })) {
        servers.cache.touch(uuid);
        await servers.liveness.heard(uuid, {});
        await approveByItself(row);
      }
      return { state: 'waiting', retry_seconds: RETRY_SECONDS };
    },
    list: () => listRequests(database),
    async setUp(uuid, { setup, fingerprint }, asker) {
      const server = await servers.get(uuid);
      // The operator who puts another machine in a server's place must have looked at its key.
      if (server?.setup === true && fingerprint === undefined) throw headErrors.NotAsking({ server: uuid, reason: 'it is set up; another machine in its place must be named by the fingerprint of its key' });
      return { job_uuid: await approve(uuid, { setup, fingerprint, asker }) };
    },
    async told(uuid, event) {
      await noteState(database, uuid, event);
      // It has no agent yet whose heartbeats would say so.
      await servers.liveness.heard(uuid, {});
    },
  };
}

/** What failed a moment ago fails again; meanwhile an operator may look, and say otherwise. */
async function hasFailedLately(database: Database, uuid: string): Promise<boolean> {
  const rows = await database.query("SELECT 1 FROM jobs WHERE name = $1 AND server_uuid = $2 AND execution = 'failed' AND created_at > now() - interval '10 minutes' LIMIT 1", [SETUP_WORKFLOW, uuid]);
  return rows.length > 0;
}

const RETRY_SECONDS = 5;

/** @throws InvalidArgument when the request asks for another holder than the machine that it says it is */
function requireHolder(request: Request, uuid: string): Request {
  const uri = holderUri({ role: 'node', uuid });
  if (request.names.some((name) => name !== uri)) throw headErrors.InvalidArgument({ reason: `the certificate request is not for ${uri}` });
  return request;
}
