import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../host/run/run.ts';

export interface HeadFacts {
  readonly mac: string;
  readonly address: string;
  readonly netmask: string;
  /** Addresses for machines that nobody knows yet. */
  readonly first: string;
  readonly last: string;
  /** The operator's, a file. */
  readonly publicKey: string;
}

/** What a head node must know to install itself without a question. */
export async function answersOfHead({ mac, address, netmask, first, last, publicKey }: HeadFacts): Promise<unknown> {
  return {
    role: 'head',
    hostname: 'head',
    admin_nic: mac,
    admin_ip: address,
    admin_netmask: netmask,
    admin_gateway: 'none',
    disks: 'all',
    bootable: true,
    root_authorized_keys: [(await readFile(publicKey, 'utf8')).trim()],
    datacenter_name: 'booted',
    dhcp_range: { start: first, end: last },
    setup_nodes: 'automatic',
    confirm: true,
  };
}

/** A disc whose label says that it holds answers. */
export async function answersDisc(directory: string, answers: unknown): Promise<string> {
  const [file, disc] = [join(directory, 'answers.json'), join(directory, 'answers.iso')];
  await writeFile(file, `${JSON.stringify(answers, null, 2)}\n`, { mode: 0o600 });
  await run(['xorriso', '-as', 'mkisofs', '-quiet', '-volid', 'ANSWERS', '-rational-rock', '-output', disc, file]);
  return disc;
}
