import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack, type Header } from 'tar-stream';

/** An entry of an archive for a test; `raw` goes into it byte by byte instead. */
export type TestEntry = (Partial<Header> & { readonly name: string; readonly content?: string }) | { readonly raw: Buffer };

/** A tar archive of these entries. */
export async function tarOf(entries: readonly TestEntry[]): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    if ('raw' in entry) {
      parts.push(entry.raw);
      continue;
    }
    const { content, ...header } = entry;
    const archive = pack();
    archive.entry(header as Header, content ?? '');
    archive.finalize();
    parts.push((await buffer(archive)).subarray(0, -1024));
  }
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

/** One header block with fields that no honest program writes; the checksum is right. */
export function rawHeader(fields: { readonly name: string; readonly type: string; readonly size?: number; readonly linkname?: string; readonly mode?: string }): Buffer {
  const block = Buffer.alloc(512);
  block.write(fields.name, 0, 'latin1');
  block.write(fields.mode ?? '0000644\0', 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  block.write(`${(fields.size ?? 0).toString(8).padStart(11, '0')}\0`, 124);
  block.write('00000000000\0', 136);
  block.write('        ', 148);
  block.write(fields.type, 156);
  block.write(fields.linkname ?? '', 157, 'latin1');
  block.write('ustar\u000000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

export interface ImageFiles {
  readonly uuid: string;
  readonly manifest: string;
  readonly file: string;
}

/** Write an image's file and manifest to a directory of their own. Digests are right unless `changes` says otherwise. */
export async function imageFiles(content: Buffer, changes: Readonly<Record<string, unknown>> = {}): Promise<ImageFiles> {
  const directory = await mkdtemp(join(process.env['ZONEWRIGHT_SANDBOX'] ?? tmpdir(), 'image-'));
  const file = join(directory, 'image');
  await writeFile(file, content);
  return { ...(await manifestFor(file, join(directory, 'manifest'), changes)), file };
}

/** Write a manifest for an image file. */
export async function manifestFor(file: string, path: string, changes: Readonly<Record<string, unknown>> = {}): Promise<{ uuid: string; manifest: string }> {
  const hash = createHash('sha1');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  const uuid = randomUUID();
  const files = [{ sha1: hash.digest('hex'), size: (await stat(file)).size, compression: 'none' }];
  const manifest = { v: 2, uuid, name: 'test', version: '1.0', type: 'lx-dataset', os: 'linux', files, ...changes };
  await writeFile(path, JSON.stringify(manifest));
  return { uuid: String(manifest.uuid), manifest: path };
}
