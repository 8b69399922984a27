/** A guest agent is the guest's own program: here it is played by one that does what it should, and by some that do not. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { withGuestAgent } from '../../host/qemu/guest-agent.ts';

let directory: string;
const servers: Server[] = [];

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zw-agent-'));
});

after(async () => {
  for (const server of servers) server.close();
  await rm(directory, { recursive: true });
});

type Request = { readonly execute: string; readonly arguments?: { readonly id?: number } };

/** A guest that answers each request by what `answer` gives; undefined is silence. */
async function guest(answer: (request: Request, socket: Socket) => string | undefined): Promise<string> {
  const path = join(directory, `${servers.length}.sock`);
  const server = createServer((socket) => {
    socket.on('error', () => undefined).setEncoding('latin1').on('data', (text: string) => {
      for (const line of text.split('\n').filter((one) => one !== '')) {
        const said = answer(JSON.parse(line.replace('\xff', '')) as Request, socket);
        if (said !== undefined) socket.write(Buffer.from(said, 'latin1'));
      }
    });
  });
  servers.push(server);
  server.listen(path);
  await once(server, 'listening');
  return path;
}

const synchronised = ({ arguments: args }: Request): string => `\xff${JSON.stringify({ return: args?.id })}\n`;
const name = (path: string, seconds?: number) => withGuestAgent(path, (ask) => ask('guest-get-host-name'), seconds);

test('an answer is taken from a guest, and nothing of what it said to somebody else before', async () => {
  const path = await guest((request) => (request.execute === 'guest-sync-delimited' ? `{"return": {"host-name": "stale"}}\nhalf an ans${synchronised(request)}` : '{"return": {"host-name": "fresh"}}\n'));
  assert.deepEqual(await name(path), { 'host-name': 'fresh' });
});

test('an error of the guest is told in its own words, as text that a terminal can show', async () => {
  const path = await guest((request) => (request.execute === 'guest-sync-delimited' ? synchronised(request) : '{"error": {"class": "GenericError", "desc": "not \\u001b[31mnow"}}\n'));
  await assert.rejects(name(path), { code: 'GuestAgentFailed', message: 'the guest agent failed to guest-get-host-name: not ?[31mnow' });
});

for (const [what, answer] of [
  ['says nothing', () => undefined],
  ['never says what it was asked', () => '{"return": 1}\n'],
  ['talks without end', (_request: Request, socket: Socket) => {
    const flood = (): void => {
      while (!socket.destroyed && socket.write('x'.repeat(65536)));
    };
    socket.on('drain', flood);
    flood();
    return undefined;
  }],
  ['hangs up', (_request: Request, socket: Socket) => void socket.destroy()],
] as const) {
  test(`a guest that ${what} is given up`, async () => {
    await assert.rejects(name(await guest(answer as Parameters<typeof guest>[0]), 1), { code: 'GuestAgentFailed' });
  });
}

test('a link in the place of the socket is not followed', async () => {
  const path = await guest((request) => synchronised(request));
  const link = join(directory, 'link.sock');
  await symlink(path, link);
  await assert.rejects(name(link));
});
