/**
 * The two versions of the metadata protocol (reference §5.2, §5.3), as a function from a line of the guest's to an answer.
 * A guest starts in version 1 and may negotiate version 2; whichever it speaks, no line of its makes this throw.
 */
import { crc32 } from 'node:zlib';
import type { Read, Write } from './keys.ts';

/** What a conversation asks of an instance. */
export interface MetadataStore {
  read(key: string): Promise<Read>;
  list(): Promise<readonly string[]>;
  /** A null value removes the key. */
  write(key: string, value: string | null): Promise<{ readonly status: 'success' } | Extract<Write, { status: 'failure' }>>;
}

/** Answer one line, without its newline; undefined is silence, which is what a malformed frame of version 2 gets. */
export async function answerLine(line: string, store: MetadataStore): Promise<string | undefined> {
  return line.startsWith('V2 ') ? answerFrame(line, store) : answerVersion1(line, store);
}

async function answerVersion1(line: string, store: MetadataStore): Promise<string> {
  const [, command = '', argument = ''] = /^(\S*) ?(.*)$/s.exec(line.trim()) ?? [];
  if (command === 'NEGOTIATE') return argument === 'V2' ? 'V2_OK\n' : 'FAILURE\n';
  if (command === 'KEYS') return block((await store.list()).join('\n'));
  if (command !== 'GET' || argument === '') return 'invalid command\n';
  const read = await store.read(argument);
  if (read.status === 'success') return block(read.value);
  return read.status === 'not-found' ? 'NOTFOUND\n' : 'FAILURE\n';
}

/** A value of several lines ends with a dot by itself, so a line of its own that starts with one gets a second. */
function block(value: string): string {
  const escaped = value.replace(/^\./gm, '..');
  return `SUCCESS\n${escaped}\n.\n`;
}

interface Frame {
  readonly id: string;
  readonly command: string;
  readonly argument: string;
}

async function answerFrame(line: string, store: MetadataStore): Promise<string | undefined> {
  const frame = parseFrame(line);
  if (!frame) return undefined;
  const { status, payload } = await answerCommand(frame, store);
  return encodeFrame(payload === undefined ? `${frame.id} ${status}` : `${frame.id} ${status} ${encode(payload)}`);
}

interface Answer {
  readonly status: 'SUCCESS' | 'NOTFOUND' | 'FAILURE';
  readonly payload?: string;
}

async function answerCommand({ command, argument }: Frame, store: MetadataStore): Promise<Answer> {
  switch (command) {
    case 'GET':
      return answerGet(argument, store);
    case 'KEYS':
      return { status: 'SUCCESS', payload: (await store.list()).join('\n') };
    case 'PUT':
      return answerPut(argument, store);
    case 'DELETE':
      return argument === '' ? { status: 'FAILURE', payload: 'Invalid DELETE Request' } : answerWrite(await store.write(argument, null));
    default:
      return { status: 'FAILURE', payload: `Unknown command ${command}` };
  }
}

async function answerGet(key: string, store: MetadataStore): Promise<Answer> {
  if (key === '') return { status: 'FAILURE', payload: 'Invalid GET Request' };
  const read = await store.read(key);
  if (read.status === 'success') return { status: 'SUCCESS', payload: read.value };
  return read.status === 'not-found' ? { status: 'NOTFOUND' } : { status: 'FAILURE', payload: read.text };
}

async function answerPut(argument: string, store: MetadataStore): Promise<Answer> {
  const [key, value, ...rest] = argument.split(' ').map(decode);
  if (!key || value === undefined || rest.length > 0) return { status: 'FAILURE', payload: 'Invalid PUT Request' };
  return answerWrite(await store.write(key, value));
}

function answerWrite(written: Awaited<ReturnType<MetadataStore['write']>>): Answer {
  return written.status === 'success' ? { status: 'SUCCESS', payload: 'OK' } : { status: 'FAILURE', payload: written.text };
}

function parseFrame(line: string): Frame | undefined {
  const [, length, checksum, body = ''] = /^V2 (\d{1,10}) ([0-9a-f]{8}) (.*)$/s.exec(line) ?? [];
  if (Number(length) !== Buffer.byteLength(body) || checksum !== checksumOf(body)) return undefined;
  const [, id, command, argument = ''] = /^([0-9a-f]{1,8}) (\S+)(?: (\S+))?$/.exec(body) ?? [];
  return id === undefined || command === undefined ? undefined : { id, command, argument: decode(argument) };
}

/** Wrap a body as either side sends it. */
export function encodeFrame(body: string): string {
  return `V2 ${Buffer.byteLength(body)} ${checksumOf(body)} ${body}\n`;
}

function checksumOf(body: string): string {
  return crc32(body).toString(16).padStart(8, '0');
}

function decode(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}
