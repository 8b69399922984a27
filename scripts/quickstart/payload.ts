import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { release } from 'node:os';

/** The alias of the zone that the quickstart makes. */
export const FIRST_ZONE = 'first-zone';

const PAYLOAD = '.cache/first-zone.json';

export interface PayloadFacts {
  readonly image: string;
  /** With its prefix length. */
  readonly address: string;
  readonly gateway: string;
}

/** Write the payload of the first zone where the user can read, change and use it again. @returns its path */
export async function writePayload({ image, address, gateway }: PayloadFacts): Promise<string> {
  const payload = {
    brand: 'lx',
    alias: FIRST_ZONE,
    hostname: FIRST_ZONE,
    image_uuid: image,
    kernel_version: /^\d+\.\d+\.\d+/.exec(release())?.[0] ?? '6.1.0',
    ram: 512,
    quota: 5,
    resolvers: await hostResolvers(),
    nics: [{ nic_tag: 'admin', ips: [address], gateways: [gateway], primary: true }],
  };
  await mkdir('.cache', { recursive: true });
  await writeFile(PAYLOAD, `${JSON.stringify(payload, null, 2)}\n`);
  return PAYLOAD;
}

/** The alias of the machine that the quickstart makes when asked to. */
export const FIRST_MACHINE = 'first-machine';

/** Write the payload of the first machine, likewise. @returns its path */
export async function writeMachinePayload({ image, address, gateway }: PayloadFacts): Promise<string> {
  const payload = {
    brand: 'kvm',
    alias: FIRST_MACHINE,
    hostname: FIRST_MACHINE,
    ram: 128,
    vcpus: 1,
    quota: 1,
    resolvers: await hostResolvers(),
    disks: [{ image_uuid: image, boot: true, model: 'virtio' }],
    nics: [{ nic_tag: 'admin', model: 'virtio', ips: [address], gateways: [gateway], primary: true }],
  };
  const path = '.cache/first-machine.json';
  await mkdir('.cache', { recursive: true });
  await writeFile(path, `${JSON.stringify(payload, null, 2)}\n`);
  return path;
}

/** A resolver on the host's loopback answers nobody but the host. */
async function hostResolvers(): Promise<string[]> {
  const text = existsSync('/etc/resolv.conf') ? await readFile('/etc/resolv.conf', 'utf8') : '';
  return [...text.matchAll(/^nameserver\s+(\d+\.\d+\.\d+\.\d+)\s*$/gm)].map(([, address = '']) => address).filter((address) => !address.startsWith('127.'));
}
