/** What the first record of a ZFS stream says (`drr_begin`, in either byte order). */
export interface ZfsStreamHeader {
  /** A package of several streams, or one that carries properties: what `zfs send -R` and `-p` write. */
  readonly compound: boolean;
  readonly content: 'filesystem' | 'volume' | 'other';
  /** Whether it holds only the difference to another snapshot. */
  readonly incremental: boolean;
  /** The guid of its snapshot. */
  readonly guid: string;
}

const MAGIC = 0x2f5bacbacn;
const MAGIC_AT = 8;
const DMU_COMPOUND = 2n;

/** Read the header at the start of `bytes`; undefined when there is none. */
export function parseStreamHeader(bytes: Buffer): ZfsStreamHeader | undefined {
  if (bytes.length < 56) return undefined;
  const little = bytes.readBigUInt64LE(MAGIC_AT) === MAGIC;
  if (!little && bytes.readBigUInt64BE(MAGIC_AT) !== MAGIC) return undefined;
  const word = (at: number): bigint => (little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
  const type = little ? bytes.readUInt32LE(32) : bytes.readUInt32BE(32);
  return {
    compound: (word(16) & 3n) === DMU_COMPOUND,
    content: type === 2 ? 'filesystem' : type === 3 ? 'volume' : 'other',
    guid: String(word(40)),
    incremental: word(48) !== 0n,
  };
}
