import type { Node } from '../../host/config/node-config.ts';
import { preferImageSource } from '../../imgadm/index.ts';
import { identityFiles, saveIdentity, type Identity } from '../../agent/identity/identity.ts';
import { HEAD_URI } from '../../agent/wire/roles.ts';

/** Keep an identity, and take images from its head node first. @returns the head node's URL */
export async function keepIdentity(node: Node, identity: Identity): Promise<string> {
  const { ca, node: pem } = identityFiles(node);
  const [head = ''] = identity.heads;
  await saveIdentity(node, identity);
  await preferImageSource(node, { type: 'imgapi', url: head, tls: { ca, cert: pem, key: pem, serverUri: HEAD_URI } });
  return head;
}
