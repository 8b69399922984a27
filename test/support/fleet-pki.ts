/** An authority with certificates of nodes and head nodes, for tests of what speaks by mutual TLS. */
import { newAuthority, issueCertificate, type Authority } from '../../host/pki/authority.ts';
import { newPrivateKey } from '../../host/pki/keys.ts';
import { newRequest } from '../../host/pki/request.ts';
import { newIdentity, type Identity } from '../../agent/identity/identity.ts';
import { holderName, holderUri, type Holder } from '../../agent/wire/roles.ts';

export interface Credentials {
  readonly key: string;
  readonly cert: string;
}

export interface FleetPki {
  readonly authority: Authority;
  issue(holder: Holder, options?: { readonly now?: Date; readonly days?: number }): Promise<Credentials>;
  /** What a node that joined has. */
  identity(uuid: string, heads: readonly string[], options?: { readonly now?: Date; readonly days?: number }): Promise<Identity>;
}

export async function fleetPki(): Promise<FleetPki> {
  const authority = await newAuthority({ name: 'test' });
  const issue: FleetPki['issue'] = async (holder, options = {}) => {
    const facts = { uri: holderUri(holder), name: holderName(holder) };
    const key = await newPrivateKey();
    return { key, cert: await issueCertificate(authority, await newRequest(key, facts), { ...facts, ...options }) };
  };
  return {
    authority,
    issue,
    async identity(uuid, heads, options) {
      const { key, cert } = await issue({ role: 'node', uuid }, options);
      return newIdentity({ key, certificate: cert, ca: authority.certificatePem, heads });
    },
  };
}
