import { open } from 'node:fs/promises';
import { constants } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { isSystemError } from '../../host/errors/errors.ts';
import { readFatFile } from '../../host/fat/fat-volume.ts';
import { listIso, readIsoFile } from '../../host/iso9660/iso-files.ts';
import { run } from '../../host/run/run.ts';
import { nodeErrors } from '../errors.ts';
import type { KernelParameters } from '../boot/kernel-parameters.ts';
import { parseAnswers, SECRET_KEYS, type Answers } from './answers.ts';

export interface FoundAnswers {
  readonly answers: Answers;
  /** Where they are from, for a person. */
  readonly source: string;
}

/** Where the platform's first stage puts what a boot loader gave it. */
export const BOOT_MODULES = '/system/boot';
const LABEL = 'ANSWERS';
const FILE = 'answers.json';
/** No answers are as long as this. */
const MOST_BYTES = 256 * 1024;

/**
 * Find answers: a boot module, else a disk, CD or stick whose file system has the label `ANSWERS` (or the one that
 * `zonewright.answers` names), else the address in `zonewright.answers`. The first that is there counts.
 * @param fetchText gets the text at an address; called only when there is one to ask
 * @throws AnswersInvalid, AnswersUnreadable: what is there and wrong is never passed over
 */
export async function findAnswers(parameters: KernelParameters, fetchText: (url: string) => Promise<string>, modules = BOOT_MODULES): Promise<FoundAnswers | undefined> {
  const module = await readRegularFile(join(modules, FILE));
  if (module !== undefined) return fromNetwork(module, 'the boot module answers.json');
  const named = parameters.get('zonewright.answers');
  const isUrl = named !== undefined && /^https?:\/\//.test(named);
  const onMedium = await answersOnMedium(named === undefined || isUrl ? LABEL : labelOf(named));
  if (onMedium) return onMedium;
  if (named === undefined) return undefined;
  if (!isUrl) throw nodeErrors.AnswersUnreadable({ source: `zonewright.answers=${named}`, reason: `no disk has the label ${named}, or it has no ${FILE}` });
  return fromNetwork(await fetchText(named), named);
}

/** Read answers from a file that somebody names. Its secrets are taken. @throws AnswersUnreadable, AnswersInvalid */
export async function answersFromFile(path: string): Promise<FoundAnswers> {
  const text = await readRegularFile(path);
  if (text === undefined) throw nodeErrors.AnswersUnreadable({ source: path, reason: 'there is no such file' });
  return { answers: parseAnswers(text, path), source: path };
}

/** What the kernel's command line says for itself; answers from elsewhere come before it. @throws AnswersInvalid */
export function answersFromKernel(parameters: KernelParameters): Answers {
  const taken = ['hostname', 'admin_nic', 'admin_ip', 'admin_netmask', 'admin_gateway'].flatMap((key) => {
    const value = parameters.get(key);
    return value === undefined ? [] : [[key, value]];
  });
  return parseAnswers(JSON.stringify(Object.fromEntries(taken)), 'the kernel parameters');
}

/** On its way here everybody on that network could read it, and anybody could have put something else in its place. */
function fromNetwork(text: string, source: string): FoundAnswers {
  const answers = parseAnswers(text, source);
  const secrets = SECRET_KEYS.filter((key) => (key === 'join' ? answers.join !== undefined && 'token' in answers.join : answers[key] !== undefined));
  if (secrets.length > 0 && !source.startsWith('https:')) {
    throw nodeErrors.AnswersInvalid({ source, reason: `${secrets.join(', ')} must not come over the network in clear` }, { hint: 'Put the file on a medium with the label ANSWERS, serve it by https, or use root_authorized_keys.' });
  }
  return { answers, source };
}

async function answersOnMedium(label: string): Promise<FoundAnswers | undefined> {
  for (const device of await devicesLabelled(label)) {
    const text = await readFromMedium(device);
    const source = `${FILE} on ${device}`;
    if (text !== undefined) return { answers: parseAnswers(text, source), source };
  }
  return undefined;
}

function labelOf(text: string): string {
  if (/^[A-Za-z0-9_.-]{1,32}$/.test(text)) return text;
  throw nodeErrors.AnswersUnreadable({ source: 'zonewright.answers', reason: 'it is neither an http address nor a label of letters, digits and "_.-"' });
}

async function devicesLabelled(label: string): Promise<string[]> {
  const { stdout } = await run(['lsblk', '--noheadings', '--list', '--paths', '--output', 'PATH'], { acceptExitCodes: [0, 1, 32] });
  const devices = stdout.split('\n').map((line) => line.trim()).filter((line) => line.startsWith('/dev/'));
  const labels = await Promise.all(devices.map(async (device) => (await run(['blkid', '-p', '-o', 'value', '-s', 'LABEL', '--', device], { acceptExitCodes: [0, 2, 8] })).stdout.trim()));
  return devices.filter((_, index) => labels[index]?.toUpperCase() === label.toUpperCase());
}

/** Nothing is mounted: the kernel does not interpret what somebody has plugged in. */
async function readFromMedium(device: string): Promise<string | undefined> {
  const { stdout } = await run(['blkid', '-p', '-o', 'value', '-s', 'TYPE', '--', device], { acceptExitCodes: [0, 2, 8] });
  const type = stdout.trim();
  if (type === 'vfat') return readFatFile(device, `/${FILE}`);
  if (type === 'iso9660') return readFromIso(device);
  throw nodeErrors.AnswersUnreadable({ source: device, reason: `it holds ${type === '' ? 'no known file system' : type}, and must hold iso9660 or vfat` });
}

/** Names of a disc without long ones are cut to eight letters and three. */
const ISO_NAMES = [FILE, 'answers.jso'];

async function readFromIso(device: string): Promise<string | undefined> {
  const entry = (await listIso(device, '/')).find(({ name, isDirectory }) => !isDirectory && ISO_NAMES.includes(name.toLowerCase()));
  if (!entry) return undefined;
  if (entry.size > MOST_BYTES) throw nodeErrors.AnswersUnreadable({ source: device, reason: `${FILE} has more than ${MOST_BYTES / 1024} KiB` });
  const chunks: Buffer[] = [];
  for await (const chunk of readIsoFile(device, entry)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function readRegularFile(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const facts = await file.stat();
      if (!facts.isFile() || facts.size > MOST_BYTES) throw nodeErrors.AnswersUnreadable({ source: path, reason: `it is not a file of at most ${MOST_BYTES / 1024} KiB` });
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    if (isSystemError(error, 'ELOOP')) throw nodeErrors.AnswersUnreadable({ source: path, reason: 'it is a link' });
    throw error;
  }
}

const FETCH_SECONDS = 30;
const FETCH_TRIES = 10;

/** The text at an address. A machine that comes up asks before its switch forwards, and with many others: it asks again. */
export async function textAt(url: string, { pause = sleep }: { readonly pause?: (milliseconds: number) => Promise<unknown> } = {}): Promise<string> {
  let reason = '';
  for (let tries = 0; tries < FETCH_TRIES; tries++) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_SECONDS * 1000), redirect: 'error' });
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      return await textOf(response);
    } catch (error) {
      reason = error instanceof Error ? `${error.message}${error.cause instanceof Error ? `: ${error.cause.message}` : ''}` : String(error);
    }
    await pause(1000 * (tries + 1));
  }
  throw nodeErrors.AnswersUnreadable({ source: url, reason });
}

async function textOf(response: Response): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > MOST_BYTES) throw new Error(`it has more than ${MOST_BYTES / 1024} KiB`);
  }
  return text;
}
