import { Client } from 'undici';
import { isSystemError, ZonewrightError } from '../host/errors/errors.ts';
import { headErrors } from './errors.ts';
import { socketPath } from './socket-path.ts';

export interface HeadRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
}

/**
 * Ask the head process of a data directory, as an operator, over its socket: commands use the routes that everybody uses.
 * @throws HeadNotRunning, and whatever error the head answers
 */
export async function askHead<Result>(directory: string, { method, path, body }: HeadRequest): Promise<Result> {
  const client = new Client('http://localhost', { socketPath: socketPath(directory) });
  try {
    const response = await client.request({ method, path, ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }) });
    const text = await response.body.text();
    const answer: unknown = text === '' ? undefined : JSON.parse(text);
    if (response.statusCode < 400) return answer as Result;
    const { code, message } = answer as { readonly code: string; readonly message: string };
    throw new ZonewrightError(code, message, { status: response.statusCode });
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ECONNREFUSED', 'EACCES')) throw headErrors.HeadNotRunning({ directory }, { cause: error });
    throw error;
  } finally {
    await client.close();
  }
}
