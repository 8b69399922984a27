/** Compressions of image files, told by their first bytes: what a manifest claims is not trusted. */
export type Compression = 'none' | 'gzip' | 'bzip2' | 'xz' | 'zstd';

const MAGIC: ReadonlyArray<readonly [Compression, readonly number[]]> = [
  ['gzip', [0x1f, 0x8b]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
];

/** Which compression a file's first bytes show. */
export function compressionOf(start: Uint8Array): Compression {
  return MAGIC.find(([, magic]) => magic.every((byte, index) => start[index] === byte))?.[0] ?? 'none';
}

/** The program that decompresses standard input to standard output. */
export function decompressor(compression: Exclude<Compression, 'none'>): [string, ...string[]] {
  return [compression, '--decompress', '--stdout', '--quiet'];
}
