import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { ImageServer } from '../../support/image-server.ts';

export const OWNER = '11111111-1111-4111-8111-111111111111';
export const OTHER = '22222222-2222-4222-8222-222222222222';
export const MISSING = '00000000-0000-4000-8000-000000000000';

export type Wire = Record<string, unknown> & { readonly uuid: string; readonly code?: string };

export interface Calls {
  /** Send JSON, or bytes as they are. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<{ readonly status: number; readonly body: Wire }>;
  /** An image that is imported, has a file and is active. */
  published(changes?: Record<string, unknown>, content?: Uint8Array): Promise<Wire>;
}

/** Requests to an image server. @param server known once they are made */
export function callsTo(server: () => ImageServer): Calls {
  const call: Calls['call'] = async (method, path, body, headers = {}) => {
    const raw = body instanceof Uint8Array;
    const answer = await fetch(`${server().url}${path}`, {
      method,
      headers: { ...(body === undefined || raw ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: raw ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: (text === '' ? {} : JSON.parse(text)) as Wire };
  };
  return {
    call,
    async published(changes = {}, content = randomBytes(1000)) {
      const image = manifest(changes);
      const uuid = String(image['uuid']);
      assert.equal((await call('POST', `/images/${uuid}?action=import`, image)).status, 200);
      assert.equal((await call('PUT', `/images/${uuid}/file?compression=none&sha1=${sha1(content)}`, content)).status, 200);
      const { status, body } = await call('POST', `/images/${uuid}?action=activate`, {});
      assert.equal(status, 200);
      return body;
    },
  };
}

export function manifest(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return { v: 2, uuid: randomUUID(), name: 'test', version: '1.0', type: 'lx-dataset', os: 'linux', owner: OWNER, ...changes };
}

export function sha1(content: Uint8Array): string {
  return createHash('sha1').update(content).digest('hex');
}
