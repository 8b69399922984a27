import { newPrivateKey } from '../../host/pki/keys.ts';
import { newRequest } from '../../host/pki/request.ts';
import { readCertificate, verifyCertificate } from '../../host/pki/certificate.ts';
import type { HeadClient } from '../head/client.ts';
import { newNap } from '../head/nap.ts';
import type { Log } from '../log.ts';
import { reasonOf } from '../log.ts';
import { joinAnswerSchema } from '../wire/join.ts';
import { holderName, holderUri } from '../wire/roles.ts';
import { identityErrors } from './errors.ts';
import { newIdentity, type Identity } from './identity.ts';

const LOOK_MILLISECONDS = 3_600_000;
const RETRY_MILLISECONDS = 60_000;

/** Whether less than a third of a certificate's life is left. */
export function isRenewalDue({ details: { notBefore, notAfter } }: Pick<Identity, 'details'>, now = Date.now()): boolean {
  return notAfter.getTime() - now < (notAfter.getTime() - notBefore.getTime()) / 3;
}

/**
 * Get a new certificate for a new key, by the old one. The head nodes' authority stays the one that this node joined.
 * @throws HeadUnreachable, HeadRefused, CertificateInvalid
 */
export async function renewIdentity(identity: Identity, client: Pick<HeadClient, 'send'>, signal?: AbortSignal): Promise<Identity> {
  const key = await newPrivateKey();
  const holder = { role: 'node', uuid: identity.uuid } as const;
  const csr = await newRequest(key, { uri: holderUri(holder), name: holderName(holder) });
  const { body } = await client.send({ method: 'POST', path: '/certificates', body: { csr }, ...(signal && { signal }) });
  const { data } = joinAnswerSchema.safeParse(body);
  const [head = ''] = identity.heads;
  if (!data || readCertificate(data.ca).fingerprint !== readCertificate(identity.ca).fingerprint) {
    throw identityErrors.JoinRefused({ head, reason: 'its answer to the renewal is not understood, or is of another authority' });
  }
  verifyCertificate(data.certificate, identity.ca);
  const renewed = newIdentity({ key, certificate: data.certificate, ca: identity.ca, heads: data.heads });
  if (renewed.uuid !== identity.uuid) throw identityErrors.JoinRefused({ head, reason: 'it issued a certificate for another node' });
  return renewed;
}

export interface RenewalOptions {
  readonly identity: Identity;
  readonly client: Pick<HeadClient, 'send'>;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Keep the new one and use it from now on. */
  onRenewed(identity: Identity): Promise<void>;
}

/** Renew a certificate whenever it is due, until the signal is aborted. */
export async function keepRenewed({ identity: first, client, log, signal, onRenewed }: RenewalOptions): Promise<void> {
  const nap = newNap(signal);
  for (let identity = first; !signal.aborted; ) {
    let pause = LOOK_MILLISECONDS;
    if (isRenewalDue(identity)) {
      try {
        const renewed = await renewIdentity(identity, client, signal);
        await onRenewed(renewed);
        identity = renewed;
        log.info('certificate renewed', { until: identity.details.notAfter.toISOString() });
      } catch (error) {
        if (!signal.aborted) log.warn(`the certificate, good until ${identity.details.notAfter.toISOString()}, could not be renewed: ${reasonOf(error)}`);
        pause = RETRY_MILLISECONDS;
      }
    }
    // A short-lived certificate is looked at more often, so that it is renewed in its last third and not after it.
    await nap.take(Math.min(pause, Math.max(1000, (identity.details.notAfter.getTime() - identity.details.notBefore.getTime()) / 12)));
  }
}
