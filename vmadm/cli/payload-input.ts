/** Where a command's payload comes from, and what is said when it cannot be read (reference §1.1). */
import { readFile } from 'node:fs/promises';
import { isSystemError } from '../../host/errors/errors.ts';
import type { Payload } from '../engine.ts';
import { vmErrors } from '../errors.ts';
import type { Invocation } from './command.ts';

/** A node's memory must not depend on what is piped into it. */
const LONGEST_PAYLOAD = 64 * 1024 * 1024;

/**
 * The payload of a command, from its file or from stdin.
 * @param refusal what is said when nobody could type a payload in a reasonable way: stdin is a terminal.
 * @throws Usage, FileMissing, FileUnreadable, PayloadNotJson, PayloadNotObject
 */
export async function readPayload({ options, streams }: Invocation, refusal: string): Promise<Payload> {
  const file = options['file'];
  if (typeof file === 'string' && file !== '-') return parsePayload(await readText(file));
  if (file === undefined && streams.stdin.isTTY) throw vmErrors.Usage({ problem: refusal });
  return parsePayload(await readStream(streams.stdin));
}

/** JSON text as a payload. @throws PayloadNotJson, PayloadNotObject */
export function parsePayload(text: string): Payload {
  let payload: unknown;
  try {
    payload = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw vmErrors.PayloadNotJson({ reason: error.message.replace(/\p{Cc}/gu, ' ') }, { cause: error });
    throw error;
  }
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) throw vmErrors.PayloadNotObject();
  return payload as Payload;
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) throw vmErrors.FileMissing({ file });
    if (!(error instanceof Error)) throw error;
    throw vmErrors.FileUnreadable({ file, reason: JSON.stringify({ ...error, message: error.message }) }, { cause: error });
  }
}

async function readStream(stream: AsyncIterable<unknown>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk as Uint8Array);
    length += bytes.length;
    if (length > LONGEST_PAYLOAD) throw vmErrors.PayloadNotJson({ reason: `longer than ${LONGEST_PAYLOAD} bytes` });
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}
