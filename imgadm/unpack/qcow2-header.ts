/**
 * The header of a qcow2 disk image, read by us before any program opens the file: it says how large the disk is, and
 * whether the image refers to anything besides itself.
 */
import { imgadmErrors } from '../errors.ts';

export interface Qcow2Header {
  /** Bytes that the machine sees. */
  readonly virtualSize: number;
}

const MAGIC = 0x514649fb;
const VERSIONS = [2, 3];
/** Incompatible features of version 3 by their bit. Those that are fine change only how the image's own data is laid out. */
const FEATURES: ReadonlyArray<{ readonly name: string; readonly fine: boolean }> = [
  { name: 'dirty', fine: true },
  { name: 'corrupt', fine: false },
  { name: 'external data file', fine: false },
  { name: 'compression type', fine: true },
  { name: 'extended L2 entries', fine: true },
];
/** QEMU's own limit for the first table, in bytes. */
const MAX_L1_BYTES = 32 * 1024 * 1024;

/** Whether these are the first bytes of a qcow2 image. */
export function isQcow2(start: Buffer): boolean {
  return start.length >= 8 && start.readUInt32BE(0) === MAGIC;
}

/**
 * Read the header at the start of `bytes` and refuse what an image must not have.
 * @throws ImageFileInvalid naming the first such thing; ImageTooBig when the size cannot even be counted.
 */
export function parseQcow2Header(bytes: Buffer): Qcow2Header {
  if (bytes.length < 104) throw refused('its header is cut off');
  const version = bytes.readUInt32BE(4);
  if (!VERSIONS.includes(version)) throw refused(`its version is ${version}, and 2 and 3 are known`);
  if (bytes.readBigUInt64BE(8) !== 0n || bytes.readUInt32BE(16) !== 0) throw refused('it has a backing file, and an image must be whole');
  if (bytes.readUInt32BE(32) !== 0) throw refused('it is encrypted');
  if (version === 3) requireKnownFeatures(bytes.readBigUInt64BE(72));
  const virtualSize = bytes.readBigUInt64BE(24);
  if (virtualSize === 0n) throw refused('its disk has no bytes');
  if (virtualSize > BigInt(Number.MAX_SAFE_INTEGER)) throw imgadmErrors.ImageTooBig({ reason: `its disk has ${virtualSize} bytes` });
  requirePlausibleTables(bytes);
  return { virtualSize: Number(virtualSize) };
}

/**
 * Require that the tables which the header names lie inside the file: what is read beyond its end counts as zeros, so a
 * file that was cut off would become a disk with nothing on it.
 * @param fileSize bytes. @throws ImageFileInvalid
 */
export function requireTablesInside(bytes: Buffer, fileSize: number): void {
  const tables = [
    { name: 'first table', at: bytes.readBigUInt64BE(40), length: BigInt(bytes.readUInt32BE(36)) * 8n },
    { name: 'table of references', at: bytes.readBigUInt64BE(48), length: BigInt(bytes.readUInt32BE(56)) << BigInt(bytes.readUInt32BE(20)) },
  ];
  for (const { name, at, length } of tables) {
    if (at + length > BigInt(fileSize)) throw refused(`its ${name} ends at byte ${at + length} of a file that has ${fileSize}`);
  }
}

function requireKnownFeatures(features: bigint): void {
  for (let bit = 0; bit < 64; bit++) {
    if ((features & (1n << BigInt(bit))) === 0n) continue;
    const feature = FEATURES[bit];
    if (!feature?.fine) throw refused(feature === undefined ? `it needs feature ${bit}, which nobody knows` : `it has the feature "${feature.name}"`);
  }
}

function requirePlausibleTables(bytes: Buffer): void {
  const clusterBits = bytes.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21) throw refused(`its clusters have 2^${clusterBits} bytes`);
  const entries = bytes.readUInt32BE(36);
  if (entries * 8 > MAX_L1_BYTES) throw refused(`its first table has ${entries} entries`);
}

function refused(reason: string): Error {
  return imgadmErrors.ImageFileInvalid({ reason: `the qcow2 disk image is refused: ${reason}` });
}
