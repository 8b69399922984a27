import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { extract } from 'tar-stream';
import { vetArchive, type ArchiveLimits } from '../../imgadm/unpack/vet-archive.ts';
import { rawHeader, tarOf } from '../support/archives.ts';

const LIMITS: ArchiveLimits = { maxBytes: 1e12, maxEntries: 1000, fileSize: 1024 };

test('what expands to more than 200 times its size is stopped', async () => {
  const size = 4 * 1024 ** 3;
  const zeros = Buffer.alloc(1024 * 1024);
  let made = 0;
  const raw = Readable.from(
    (function* () {
      yield rawHeader({ name: 'bomb', type: '0', size });
      for (; made < size; made += zeros.length) yield zeros;
    })(),
  );
  const archive = vetArchive(raw, LIMITS);
  archive.stream.resume();
  await assert.rejects(archive.finished, { code: 'ImageTooBig', message: /more than 200 times/ });
  assert.ok(made < 1.2 * 1024 ** 3, `stopped only after ${made} bytes`);
});

test('what comes out is written anew: every entry is owned by root and carries no attributes', async () => {
  const capability = '\u0001\u0000\u0000\u0002';
  const line = (record: string): string => `${record.length + 4} ${record}\n`;
  const record = line(`SCHILY.xattr.security.capability=${capability}`);
  const padded = Buffer.alloc(512);
  padded.write(record);
  const raw = await tarOf([
    { name: 'a', content: 'x', uid: 7, gid: 8, uname: 'evil', mode: 0o4755 },
    { raw: Buffer.concat([rawHeader({ name: 'pax', type: 'x', size: Buffer.byteLength(record) }), padded, rawHeader({ name: 'ping', type: '0' })]) },
  ]);
  const archive = vetArchive(Readable.from([raw]), LIMITS);
  const [clean] = await Promise.all([buffer(archive.stream), archive.finished]);
  const headers = [];
  for await (const entry of Readable.from([clean]).pipe(extract())) {
    headers.push(entry.header);
    entry.resume();
  }
  assert.deepEqual(headers.map(({ name, uid, gid, uname, mode }) => ({ name, uid, gid, uname, mode })), [
    { name: './a', uid: 0, gid: 0, uname: '', mode: 0o4755 },
    { name: './ping', uid: 0, gid: 0, uname: '', mode: 0o644 },
  ]);
  assert.doesNotMatch(clean.toString('latin1'), /capability|evil/);
  assert.deepEqual([...archive.owners], [['a', { uid: 7, gid: 8 }]]);
  assert.deepEqual(archive.notes(), ['extended attributes were dropped; entries that had some: 1']);
});

test('an empty archive is refused', async () => {
  const archive = vetArchive(Readable.from([Buffer.alloc(1024)]), LIMITS);
  archive.stream.resume();
  await assert.rejects(archive.finished, { code: 'ImageFileInvalid', message: /archive is empty/ });
});
