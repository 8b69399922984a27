/**
 * Become a node of a fleet without a token: ask a head node until somebody there approves of this machine. The key is made here, and
 * stays in memory until there is a pool to keep it in; a machine that starts again meanwhile asks again with another one.
 */
import { createHash, randomBytes } from 'node:crypto';
import { newBackoff } from '../../agent/head/backoff.ts';
import { openHeadClient, refusalOf } from '../../agent/head/client.ts';
import { newNap } from '../../agent/head/nap.ts';
import type { Identity } from '../../agent/identity/identity.ts';
import { askPinned, issuedIdentity, type PinnedHead } from '../../agent/identity/pinned.ts';
import { networkFacts } from '../../agent/sysinfo/networks.ts';
import { sysinfoOf } from '../../agent/sysinfo/sysinfo.ts';
import { enrolAnswerSchema, enrolUuidSchema, readableFingerprint, type EnrolRequest, type HeadFile, type SetupParameters, type SetupState, type Sysinfo } from '../../agent/wire/index.ts';
import { holderName, holderUri } from '../../agent/wire/roles.ts';
import { identityErrors } from '../../agent/identity/errors.ts';
import { isErrorCode } from '../../host/errors/errors.ts';
import { isCarrier, listLinks } from '../../host/net/links.ts';
import { newPrivateKey } from '../../host/pki/keys.ts';
import { newRequest, readRequest } from '../../host/pki/request.ts';
import { appliedTags } from '../network/applied.ts';
import { RUN_DIRECTORY } from '../network/apply-networking.ts';

export interface EnrolOptions {
  readonly head: HeadFile;
  /** Called with a line for the console: what is shown there, an operator compares with what the head node shows. */
  report(line: string): void;
  /** Ends the asking. */
  readonly signal?: AbortSignal;
  /** What the machine says of itself; looked up each time unless given. */
  sysinfo?(): Promise<Sysinfo>;
  /** Milliseconds between two questions, instead of what the head node says. */
  readonly retryMilliseconds?: number;
}

/** What a machine is given that may become a node. */
export interface Enrolment {
  readonly identity: Identity;
  /** Who the node is from now on: `setUp` is to be told. */
  readonly uuid: string;
  readonly setup: SetupParameters;
  /** Say how the setup goes on. Nothing depends on it, so it never fails. @param error with `failed`: why, for people */
  tell(state: SetupState, error?: string): Promise<void>;
}

const LONGEST_PAUSE = 15_000;

/** Resolves when the head node has approved. @throws NoMachineUuid; the signal's reason when it is aborted */
export async function enrol({ head, report, signal = new AbortController().signal, sysinfo = sysinfoOfMachine, retryMilliseconds }: EnrolOptions): Promise<Enrolment> {
  const asking = await newAsking(sysinfo);
  report(`this machine is ${asking.uuid}, its key ${asking.fingerprint}`);
  const nap = newNap(signal);
  const backoff = newBackoff({ longest: LONGEST_PAUSE });
  let said = '';
  const say = (line: string): void => {
    if (line !== said) report(line);
    said = line;
  };
  for (;;) {
    for (const url of head.heads) {
      signal.throwIfAborted();
      const pinned = { url, ca: head.ca_sha256 };
      try {
        const answer = enrolAnswerSchema.parse(await askPinned(pinned, { path: '/join-requests', body: await asking.body(), signal }));
        backoff.reset();
        if (answer.state === 'approved') return enrolment(pinned, asking, answer);
        say(`waiting for approval at ${url}: \`zonewright head setup ${asking.uuid}\` there, when it shows this key`);
        await nap.take(retryMilliseconds ?? answer.retry_seconds * 1000);
        break;
      } catch (error) {
        if (signal.aborted) throw error;
        say(reasonOf(error, url));
        await nap.take(Math.min(backoff.next(), retryMilliseconds ?? LONGEST_PAUSE));
      }
    }
  }
}

interface Asking {
  readonly uuid: string;
  readonly key: string;
  readonly fingerprint: string;
  /** Disks and links may have changed since the last time. */
  body(): Promise<EnrolRequest>;
}

async function newAsking(sysinfo: () => Promise<Sysinfo>): Promise<Asking> {
  const { UUID: uuid } = await sysinfo();
  if (!enrolUuidSchema.safeParse(uuid).success) throw identityErrors.NoMachineUuid({ uuid });
  const holder = { role: 'node', uuid } as const;
  const key = await newPrivateKey();
  const csr = await newRequest(key, { uri: holderUri(holder), name: holderName(holder) });
  const secret = randomBytes(32).toString('base64url');
  return { uuid, key, fingerprint: readableFingerprint((await readRequest(csr)).fingerprint), body: async () => ({ csr, secret, sysinfo: await sysinfo() }) };
}

/** Of a machine that is no node yet: its nic tags are those of this boot. */
async function sysinfoOfMachine(): Promise<Sysinfo> {
  const sysinfo = { ...(await sysinfoOf(undefined)), ...(await networkFacts(await appliedTags(RUN_DIRECTORY))) };
  return { ...sysinfo, UUID: enrolUuidSchema.safeParse(sysinfo.UUID).success ? sysinfo.UUID : await uuidOfInterfaces() };
}

/** For hardware without a uuid of its own: one that follows from its lowest MAC address, so that it is the same after every start. */
async function uuidOfInterfaces(): Promise<string> {
  const [mac = ''] = (await listLinks()).filter(isCarrier).map((link) => link.mac).sort();
  const digest = createHash('sha256').update(`machine ${mac}`).digest('hex');
  // Version 8 of RFC 9562: ours to fill.
  return mac === '' ? '' : `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-a${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}

/** @throws HeadUntrusted, CertificateInvalid, JoinRefused */
function enrolment(head: PinnedHead, { uuid, key }: Asking, answer: { readonly certificate: string; readonly ca: string; readonly heads: readonly string[]; readonly setup: SetupParameters }): Enrolment {
  const { certificate, ca, heads, setup } = answer;
  const identity = issuedIdentity(head, { key, uuid, certificate, ca, heads });
  return {
    identity,
    uuid,
    setup,
    async tell(state, error) {
      const client = openHeadClient({ identity });
      try {
        await client.send({ method: 'POST', path: `/servers/${uuid}/events/setup`, body: { state, ...(error === undefined ? {} : { error: error.slice(0, 1000) }) } });
      } catch {
        // The head node sees by itself when the node is there.
      } finally {
        await client.close();
      }
    },
  };
}

function reasonOf(error: unknown, url: string): string {
  if (isErrorCode(error, 'HeadUntrusted')) return `${error.message}; it is asked again`;
  if (refusalOf(error) || isErrorCode(error, 'HeadUnreachable') || isErrorCode(error, 'JoinRefused') || isErrorCode(error, 'CertificateInvalid')) return (error as Error).message;
  return `the answer of ${url} is not understood`;
}
