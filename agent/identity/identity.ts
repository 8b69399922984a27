/**
 * Who this node is to its head node: a key, a certificate, the authority that issued it, and where the head nodes are. It lies
 * in the pool, so that it moves with the disks, and only root can read it.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Node } from '../../host/config/node-config.ts';
import { makePrivateDirectory, readFileIfPresent, syncDirectory, writeFileAtomically } from '../../host/files/atomic.ts';
import { readCertificate, type CertificateDetails } from '../../host/pki/certificate.ts';
import { parseHolderUri } from '../wire/roles.ts';
import { identityErrors } from './errors.ts';

export interface Identity {
  readonly uuid: string;
  /** A secret. */
  readonly key: string;
  readonly certificate: string;
  readonly details: CertificateDetails;
  /** The authority's certificate. */
  readonly ca: string;
  /** Base URLs of head nodes. */
  readonly heads: readonly string[];
}

/** What of an identity is kept; the rest follows from the certificate. */
export type KeptIdentity = Pick<Identity, 'key' | 'certificate' | 'ca' | 'heads'>;

/** Files of an identity. Key and certificate are one file, so that there is never one without the other. */
export interface IdentityFiles {
  readonly directory: string;
  readonly node: string;
  readonly ca: string;
  readonly heads: string;
  readonly revoked: string;
}

export function identityFiles(node: Pick<Node, 'paths'>): IdentityFiles {
  const directory = join(node.paths.config, 'identity');
  return { directory, node: join(directory, 'node.pem'), ca: join(directory, 'ca.pem'), heads: join(directory, 'heads.json'), revoked: join(directory, 'revoked.json') };
}

/** The node's identity, undefined as long as it has joined nobody. @throws CertificateInvalid when its files are damaged */
export async function readIdentity(node: Pick<Node, 'paths'>): Promise<Identity | undefined> {
  const files = identityFiles(node);
  const [pem, ca, heads] = await Promise.all([files.node, files.ca, files.heads].map(readFileIfPresent));
  if (pem === undefined || ca === undefined || heads === undefined) return undefined;
  const certificate = blockOf(pem, 'CERTIFICATE');
  return newIdentity({ key: blockOf(pem, 'PRIVATE KEY'), certificate, ca, heads: headsSchema.parse(JSON.parse(heads)) });
}

const headsSchema = z.array(z.url()).min(1);

/** An identity from its parts. @throws CertificateInvalid */
export function newIdentity(kept: KeptIdentity): Identity {
  const details = readCertificate(kept.certificate);
  const holder = details.uris.length === 1 ? parseHolderUri(details.uris[0] ?? '') : undefined;
  if (holder?.role !== 'node') throw identityErrors.NotJoined({ hint: 'Its certificate is not that of a node: join again with a new token.' });
  return { ...kept, uuid: holder.uuid, details };
}

/** Keep an identity, durably. The certificate comes last: with it the node has joined. */
export async function saveIdentity(node: Pick<Node, 'paths'>, { key, certificate, ca, heads }: KeptIdentity): Promise<void> {
  const files = identityFiles(node);
  await makePrivateDirectory(files.directory);
  await writeFileAtomically(files.ca, ca, { durable: true });
  await writeFileAtomically(files.heads, `${JSON.stringify(heads)}\n`, { durable: true });
  await writeFileAtomically(files.node, `${key.trimEnd()}\n${certificate.trimEnd()}\n`, { durable: true });
}

/** Forget the identity: the node belongs to nobody. */
export async function forgetIdentity(node: Pick<Node, 'paths'>): Promise<void> {
  const files = identityFiles(node);
  for (const path of [files.node, files.ca, files.heads, files.revoked]) await rm(path, { force: true });
  await syncDirectory(files.directory);
}

function blockOf(pem: string, label: string): string {
  return new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----\\n`).exec(pem)?.[0] ?? '';
}
