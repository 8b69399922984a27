/** The guest's tools against a host that is broken or hostile: what it sends is checked, bounded, and asked for again. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, afterEach, before, test } from 'node:test';
import { run, type RunResult } from '../../host/run/run.ts';
import { buildGuestTools } from '../../images/guest-tools/build.ts';
import { encodeFrame } from '../../vmadm/metadata/conversation.ts';

let root: string;
let server: Server | undefined;

before(async () => {
  const tools = await buildGuestTools();
  root = await mkdtemp(join(process.env['ZONEWRIGHT_SANDBOX'] ?? '/tmp', 'tools-'));
  await mkdir(join(root, '.zonecontrol'));
  for (const name of ['mdata-get', 'mdata-put', 'mdata-list']) await copyFile(join(tools, name), join(root, name));
});

after(() => rm(root, { recursive: true, force: true }));

afterEach(async () => {
  server?.close();
  await rm(join(root, '.zonecontrol/metadata.sock'), { force: true });
});

type Answer = (id: string, socket: Socket) => void;

/** A host that negotiates properly and then does something of its own on each connection, the last one from then on. */
async function host(...answers: Answer[]): Promise<void> {
  let connection = 0;
  server = createServer((socket) => {
    const answer = answers[Math.min(connection++, answers.length - 1)];
    socket.on('error', () => undefined).setEncoding('latin1').on('data', (text: string) => {
      if (text.startsWith('NEGOTIATE')) socket.write('V2_OK\n');
      const id = /^V2 \d+ [0-9a-f]{8} ([0-9a-f]{8}) /m.exec(text)?.[1];
      if (id !== undefined) answer?.(id, socket);
    });
  });
  await new Promise<void>((resolve) => server?.listen(join(root, '.zonecontrol/metadata.sock'), resolve));
}

const success: Answer = (id, socket) => socket.write(encodeFrame(`${id} SUCCESS ${Buffer.from('blue').toString('base64')}`));

function tool(...argv: [string, ...string[]]): Promise<RunResult> {
  return run(['chroot', root, ...argv], { acceptExitCodes: [0, 1, 2, 3, 10] });
}

const BLUE = { stdout: 'blue\n', stderr: '', exitCode: 0 };

/** What a host may send before a proper answer, and must not be taken for one. */
const NOT_AN_ANSWER: Array<[name: string, text: (id: string) => string]> = [
  ['an answer to another request', () => encodeFrame(`00000000 SUCCESS ${Buffer.from('red').toString('base64')}`)],
  ['a wrong checksum', (id) => encodeFrame(`${id} SUCCESS cmVk`).replace(/^V2 (\d+) \S{8}/, 'V2 $1 00000000')],
  ['a length that is too large', (id) => encodeFrame(`${id} SUCCESS cmVk`).replace(/^V2 \d+/, 'V2 999999999')],
  ['a length that no number holds', (id) => encodeFrame(`${id} SUCCESS cmVk`).replace(/^V2 \d+/, 'V2 99999999999999999999999')],
  ['a negative length', (id) => encodeFrame(`${id} SUCCESS cmVk`).replace(/^V2 \d+/, 'V2 -1')],
  ['a payload that is not base64', (id) => encodeFrame(`${id} SUCCESS c!Vk`)],
  ['a status that does not exist', (id) => encodeFrame(`${id} PERHAPS cmVk`)],
  ['a NUL byte', (id) => encodeFrame(`${id} SUCCESS cm\0k`)],
  ['format directives', () => 'V2 %s%s%n %n %s\n'],
  ['empty lines and fragments', () => '\n\nV2\nV2 \nV2 1\nV2 1 0\nV2 0 00000000 \n'],
];

for (const [name, text] of NOT_AN_ANSWER) {
  test(`${name} is not taken for an answer`, async () => {
    await host((id, socket) => {
      socket.write(text(id), 'latin1');
      success(id, socket);
    });
    assert.deepEqual(await tool('/mdata-get', 'color'), BLUE);
  });
}

test('a host that hangs up, or cuts an answer short, is asked again', async () => {
  await host((_, socket) => socket.destroy(), (id, socket) => socket.end(encodeFrame(`${id} SUCCESS Ymx1ZQ==`).slice(0, -3)), success);
  assert.deepEqual(await tool('/mdata-get', 'color'), BLUE);
});

test('an answer without end is given up before it fills the guest', async () => {
  await host((_, socket) => {
    const block = Buffer.alloc(1024 * 1024, 0x41);
    Readable.from((function* () {
      for (;;) yield block;
    })()).pipe(socket);
  }, success);
  const limited = await run(['prlimit', '--as=268435456', 'chroot', root, '/mdata-get', 'color']);
  assert.equal(limited.stdout, 'blue\n');
});

test('a refusal is shown in the host\'s words, cut to a bound', async () => {
  await host((id, socket) => socket.write(encodeFrame(`${id} FAILURE ${Buffer.from('no'.repeat(100_000)).toString('base64')}`)));
  const { exitCode, stderr } = await tool('/mdata-put', 'color', 'red');
  assert.equal(exitCode, 2);
  assert.equal(stderr, `${'no'.repeat(2048)}\n`);
});

test('bytes of every kind come out as they are', async () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
  await host((id, socket) => socket.write(encodeFrame(`${id} SUCCESS ${bytes.toString('base64')}`)));
  const { stdout } = await run(['sh', '-c', 'chroot "$0" /mdata-get x | od -An -v -tu1', root]);
  assert.deepEqual(stdout.trim().split(/\s+/).map(Number), [...bytes, 10]);
});

test('an empty list is nothing', async () => {
  await host((id, socket) => socket.write(encodeFrame(`${id} SUCCESS`)));
  assert.deepEqual(await tool('/mdata-list'), { stdout: '', stderr: '', exitCode: 0 });
});

test('a host that never answers is given up with the status for a later try', async () => {
  await host(() => undefined);
  const { exitCode, stderr } = await tool('/mdata-get', 'color');
  assert.deepEqual([exitCode, stderr], [10, 'mdata-get: the metadata service does not answer; try again later\n']);
});
