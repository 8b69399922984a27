/** Certificates that are no longer good, as the head node last told. The list outlives the agent: who was revoked stays out. */
import { readFileIfPresent, makePrivateDirectory, writeFileAtomically } from '../../host/files/atomic.ts';
import { dirname } from 'node:path';
import { z } from 'zod';

export interface Revocations {
  has(fingerprint: string): boolean;
  /** Take a whole new list. */
  replace(fingerprints: readonly string[]): Promise<void>;
}

const listSchema = z.array(z.string());

/** @param path where the list is kept; in memory alone unless given */
export async function openRevocations(path?: string): Promise<Revocations> {
  const text = path === undefined ? undefined : await readFileIfPresent(path);
  let revoked = new Set(text === undefined ? [] : listSchema.parse(JSON.parse(text)));
  return {
    has: (fingerprint) => revoked.has(fingerprint),
    async replace(fingerprints) {
      if (fingerprints.length === revoked.size && fingerprints.every((one) => revoked.has(one))) return;
      revoked = new Set(fingerprints);
      if (path === undefined) return;
      await makePrivateDirectory(dirname(path));
      await writeFileAtomically(path, `${JSON.stringify(fingerprints)}\n`, { durable: true });
    },
  };
}
