import { readFile } from 'node:fs/promises';
import { headErrors } from '../errors.ts';
import type { Job } from '../services.ts';
import { askHead } from '../ask-head.ts';
import { DATA_OPTION, textOf, type HeadCommand, type HeadInvocation } from './command.ts';
import { directoryOf } from './directory.ts';
import { shownList } from './verbs.ts';

export const setupCommand: HeadCommand = {
  name: 'setup',
  summary: 'Show which machines ask to become nodes, or let one of them',
  operands: '[server uuid]',
  operandCount: [0, 1],
  options: {
    ...DATA_OPTION,
    fingerprint: { type: 'string', value: 'KEY', summary: 'the key of the machine that is meant, as its console shows it' },
    hostname: { type: 'string', value: 'NAME', summary: 'what the node is called' },
    disk: { type: 'string', value: 'DEVICE', multiple: true, summary: 'make its pool on this disk; repeat for more (default: all that can be taken)' },
    layout: { type: 'string', value: 'LAYOUT', summary: 'auto, single, mirror, raidz1 or raidz2 (default: auto)' },
    'authorized-key': { type: 'string', value: 'KEY', multiple: true, summary: "an ssh key of root's, as ssh-keygen prints it" },
    'password-hash-file': { type: 'string', value: 'PATH', summary: "root's password as crypt makes it (mkpasswd), in a file of its own" },
    wait: { type: 'boolean', summary: 'until it is set up' },
    json: { type: 'boolean', short: 'j', summary: 'as JSON' },
  },
  examples: [
    ['zonewright head setup', 'who asks; compare the fingerprint with what the machine shows on its console'],
    ['zonewright head setup 4a1d7f0e-52a1-4b7e-9f5c-3f2a8f2f6b11 --hostname n1 --wait', 'let it become a node; its disks are erased'],
  ],
  async run(invocation) {
    const directory = await directoryOf(invocation);
    const [uuid] = invocation.operands;
    return uuid === undefined ? await list(directory, invocation) : await setUp(directory, uuid, invocation);
  },
};

const COLUMNS = { UUID: 'uuid', FINGERPRINT: 'fingerprint', HOSTNAME: 'hostname', ADDRESS: 'address', MACS: 'macs', DISKS: 'disks', MEMORY: 'memory_mib', STATE: 'state' };

async function list(directory: string, invocation: HeadInvocation): Promise<number> {
  const requests = await askHead<Array<Readonly<Record<string, unknown>>>>(directory, { method: 'GET', path: '/join-requests' });
  const text = shownList(invocation, requests.map((request) => ({ ...request, state: stateOf(request) })), COLUMNS);
  process.stdout.write(`${text}\n`);
  return 0;
}

function stateOf({ job_uuid: job, replaces, states }: Readonly<Record<string, unknown>>): string {
  if (typeof job === 'string') return `being set up: ${Array.isArray(states) ? String(states.at(-1) ?? 'approved') : ''}`;
  return replaces === true ? 'waiting, in the place of a server that is set up' : 'waiting';
}

async function setUp(directory: string, uuid: string, invocation: HeadInvocation): Promise<number> {
  const { values } = invocation;
  const body = { fingerprint: textOf(invocation, 'fingerprint'), hostname: textOf(invocation, 'hostname'), layout: textOf(invocation, 'layout'), disks: values['disk'], authorized_keys: values['authorized-key'], root_shadow: await hashIn(textOf(invocation, 'password-hash-file')) };
  const answer = await askHead<{ job_uuid: string } | undefined>(directory, { method: 'PUT', path: `/servers/${encodeURIComponent(uuid)}/setup`, body });
  if (!answer) return said(`Server ${uuid} is set up.`);
  if (!values['wait']) return said(`Job ${answer.job_uuid}`);
  const { execution, chain_results: results } = await ended(directory, answer.job_uuid);
  if (execution === 'succeeded') return said(`Server ${uuid} is set up.`);
  throw headErrors.JobFailed({ job: answer.job_uuid, reason: results.map(({ error }) => error).find((error) => error !== '') ?? `it is ${execution}` });
}

const WAIT_SECONDS = 60;

async function ended(directory: string, uuid: string): Promise<Job> {
  for (;;) {
    const job = await askHead<Job>(directory, { method: 'GET', path: `/jobs/${uuid}/wait?timeout=${WAIT_SECONDS}` });
    if (job.execution !== 'queued' && job.execution !== 'running') return job;
  }
}

/** A hash can be tried offline, so it is in no list of processes. */
async function hashIn(path: string | undefined): Promise<string | undefined> {
  return path === undefined ? undefined : (await readFile(path, 'utf8')).trim();
}

function said(line: string): number {
  process.stdout.write(`${line}\n`);
  return 0;
}
