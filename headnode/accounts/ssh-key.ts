/** SSH public keys as accounts give them: one line of OpenSSH's format, or a PEM. */
import sshpk from 'sshpk';
import { headErrors } from '../errors.ts';

export interface PublicKey {
  /** The key's line: type, base64, comment. */
  readonly openssh: string;
  /** MD5 in hexadecimal with colons, the form in which clients name their keys. */
  readonly fingerprint: string;
  /** `SHA256:` and base64, as OpenSSH prints it. */
  readonly sha256: string;
  readonly comment: string;
}

const MAX_TEXT = 16 * 1024;
const MIN_RSA_BITS = 2048;
const TYPES = ['rsa', 'ecdsa', 'ed25519'];

/** Read a public key of RSA, ECDSA or Ed25519. @throws InvalidArgument */
export function parsePublicKey(text: string): PublicKey {
  // Looked at before anything else, so that no secret gets further than here.
  if (text.includes('PRIVATE KEY')) throw invalid('this is a private key; give the public one, which ends in .pub');
  const trimmed = text.trim();
  if (trimmed.length > MAX_TEXT) throw invalid(`the key is longer than ${MAX_TEXT} characters`);
  const pem = trimmed.startsWith('-----BEGIN');
  if (!pem && /\p{Cc}/u.test(trimmed)) throw invalid('the key must be one line, like that of a .pub file');
  const key = parse(trimmed, pem ? 'pem' : 'ssh');
  if (!TYPES.includes(key.type)) throw invalid(`keys of type ${key.type} are not accepted; make one with ssh-keygen -t ed25519`);
  if (key.type === 'rsa' && key.size < MIN_RSA_BITS) throw invalid(`this RSA key has ${key.size} bits; ${MIN_RSA_BITS} are needed`);
  const comment = pem ? '' : trimmed.split(/\s+/).slice(2).join(' ');
  key.comment = comment;
  return { openssh: key.toString('ssh').trim(), fingerprint: key.fingerprint('md5').toString('hex'), sha256: key.fingerprint('sha256').toString(), comment };
}

function parse(text: string, format: 'pem' | 'ssh'): sshpk.Key {
  try {
    return sshpk.parseKey(text, format);
  } catch (error) {
    throw headErrors.InvalidArgument({ reason: 'this is not an SSH public key that can be read' }, { cause: error, hint: 'Give the line of a .pub file, like "ssh-ed25519 AAAA… name".' });
  }
}

function invalid(reason: string): Error {
  return headErrors.InvalidArgument({ reason });
}
