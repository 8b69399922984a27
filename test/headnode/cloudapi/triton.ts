/** The `triton` command as people install it, with a home directory of its own. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyPair } from './serving.ts';

const PROGRAM = join(import.meta.dirname, '../clients/node_modules/triton/bin/triton');
const PATIENCE_MILLISECONDS = 300_000;

export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Triton {
  readonly home: string;
  (...args: readonly string[]): Promise<Ended>;
}

/** Who it is when no profile says so. */
export interface Identity {
  readonly url: string;
  readonly account: string;
  readonly keyId: string;
}

/** @param keys private keys that its home has in `.ssh` */
export async function openTriton(keys: readonly KeyPair[], identity?: Identity): Promise<Triton & AsyncDisposable> {
  const home = await mkdtemp(join(tmpdir(), 'zonewright-triton-'));
  await mkdir(join(home, '.ssh'), { mode: 0o700 });
  for (const [index, { privateText, publicText }] of keys.entries()) {
    await writeFile(join(home, '.ssh', `id_${index}`), privateText, { mode: 0o600 });
    await writeFile(join(home, '.ssh', `id_${index}.pub`), `${publicText}\n`);
  }
  const triton = async (...args: readonly string[]): Promise<Ended> => await runTriton(args, { home, identity });
  return Object.assign(triton, { home, [Symbol.asyncDispose]: async () => await rm(home, { recursive: true, force: true }) });
}

async function runTriton(args: readonly string[], { home, identity }: { readonly home: string; readonly identity: Identity | undefined }): Promise<Ended> {
  const environment = {
    HOME: home,
    PATH: process.env['PATH'] ?? '',
    LC_ALL: 'C.UTF-8',
    // Deprecations of the client's own libraries are not what a test looks at.
    NODE_NO_WARNINGS: '1',
    ...(identity && { TRITON_URL: identity.url, TRITON_ACCOUNT: identity.account, TRITON_KEY_ID: identity.keyId }),
  };
  return await new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], { env: environment, timeout: PATIENCE_MILLISECONDS, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : 128;
      resolve({ status, stdout, stderr });
    });
  });
}

/** A profile's file for `triton profile create -f`. */
export async function writeProfile(triton: Triton, profile: Identity & { readonly name: string }): Promise<string> {
  const file = join(triton.home, `${profile.name}.json`);
  await writeFile(file, JSON.stringify({ ...profile, insecure: false }));
  return file;
}
