/** Keys that sign platform images which this node takes. Those that came with its image are trusted besides, and cannot be taken away. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makePrivateDirectory, syncDirectory, writeFileAtomically } from '../../host/files/atomic.ts';
import { publicKeyFrom, trustedKeys } from '../../host/signature/keys.ts';
import { platformErrors } from './errors.ts';
import { alone, keysOf, type PlatformHost } from './platform-host.ts';

export interface KeyRow {
  readonly name: string;
  readonly id: string;
  readonly from: 'image' | 'operator';
}

export async function listKeys({ keyDirectories: [image, operator] }: PlatformHost): Promise<KeyRow[]> {
  const [ofImage, ofOperator] = await Promise.all([trustedKeys([image]), trustedKeys([operator])]);
  return [...ofImage.map(({ name, id }) => ({ name, id, from: 'image' as const })), ...ofOperator.map(({ name, id }) => ({ name, id, from: 'operator' as const }))];
}

/** Trust the public key in a PEM file. @returns the name that it has from now on @throws SigningKeyInvalid, TrustedKeyExists */
export function addKey(host: PlatformHost, path: string): Promise<string> {
  return alone(host, 'adding a key', async () => {
    const pem = await readFile(path, 'utf8');
    const { id, key } = publicKeyFrom(pem, path);
    const known = (await keysOf(host)).find((one) => one.id === id);
    if (known) throw platformErrors.TrustedKeyExists({ id, name: known.name });
    const directory = host.keyDirectories[1];
    await makePrivateDirectory(directory);
    await writeFileAtomically(join(directory, `${id}.pem`), key.export({ type: 'spki', format: 'pem' }).toString(), { durable: true });
    return id;
  });
}

/** Trust a key no longer. @throws TrustedKeyUnknown */
export function removeKey(host: PlatformHost, name: string): Promise<void> {
  return alone(host, 'removing a key', async () => {
    const directory = host.keyDirectories[1];
    const known = (await trustedKeys([directory])).find((one) => one.name === name || one.id === name);
    if (!known) throw platformErrors.TrustedKeyUnknown({ name: JSON.stringify(name) });
    await rm(join(directory, `${known.name}.pem`));
    await syncDirectory(directory);
  });
}
