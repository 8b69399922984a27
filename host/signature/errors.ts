import { defineErrors } from '../errors/errors.ts';

/** Errors of signed platform images. */
export const signatureErrors = defineErrors({
  SigningKeyInvalid: { message: 'the key {path} cannot be used: {reason}', hint: 'It must be an ed25519 key in PEM: openssl genpkey -algorithm ed25519 -out key.pem' },
  PlatformFileMissing: { message: 'the platform image in {directory} has no {file}', hint: 'It was not copied whole: fetch it again.' },
  PlatformUnsigned: { message: 'the platform image in {directory} has no signature: manifest.json.sig is missing', hint: 'Take one that is signed, or sign it by building it with --key.' },
  PlatformSignatureInvalid: {
    message: '{file} is not signed by a key that this node trusts ({keys})',
    hint: 'It was changed or cut off on its way here: fetch it again. If somebody else signs your images, have the node trust that key first.',
  },
  PlatformManifestInvalid: { message: 'the manifest of the platform image cannot be used: {reason}', hint: 'It is of another kind, or made for another version of Zonewright.' },
  PlatformFileDamaged: { message: '{file} is not what the manifest of the platform image says: {reason}', hint: 'It was damaged or cut off on its way here: fetch it again.' },
});
