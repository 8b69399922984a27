import assert from 'node:assert/strict';
import { Duplex, PassThrough } from 'node:stream';
import { test } from 'node:test';
import { answerLine, encodeFrame, type MetadataStore } from '../../../vmadm/metadata/conversation.ts';
import { listKeys, METADATA_LIMITS, readKey, writeKey, type MetadataVm } from '../../../vmadm/metadata/keys.ts';
import { newGuestPace, serveStream } from '../../../vmadm/metadata/serve-stream.ts';

function instance(): MetadataVm & { customer_metadata: Record<string, string>; internal_metadata: Record<string, string> } {
  return {
    uuid: '8f6e9e4c-1111-4222-8333-444444444444',
    alias: 'web',
    max_physical_memory: 128,
    customer_metadata: { 'user-script': 'line 1\n.hidden\nline 3', color: 'blue' },
    internal_metadata: { root_pw: 'secret', hidden: 'operator only', 'op:x': '1', 'operator-script': 'echo hi' },
    internal_metadata_namespaces: ['op'],
    tags: { role: 'db' },
    nics: [{ interface: 'eth0', mac: '02:08:20:00:00:01' }],
    resolvers: ['10.0.0.1'],
    routes: { '10.1.0.0/16': '10.0.0.254' },
  };
}

function storeOf(vm: ReturnType<typeof instance>): MetadataStore {
  return {
    read: async (key) => readKey(vm, key),
    list: async () => listKeys(vm),
    async write(key, value) {
      const write = writeKey(vm, key, value);
      if (write.status === 'failure') return write;
      if (write.value === null) delete vm[write.object][write.key];
      else vm[write.object][write.key] = write.value;
      return { status: 'success' };
    },
  };
}

const b64 = (text: string): string => Buffer.from(text).toString('base64');

async function version2(store: MetadataStore, command: string, argument?: string): Promise<{ status: string; payload: string }> {
  const answer = await answerLine(encodeFrame(`0123abcd ${command}${argument === undefined ? '' : ` ${b64(argument)}`}`).trimEnd(), store);
  const [, id, status = '', payload = ''] = /^V2 \d+ [0-9a-f]{8} (\S+) (\S+)(?: (\S+))?\n$/.exec(answer ?? '') ?? [];
  assert.equal(id, '0123abcd', answer);
  return { status, payload: Buffer.from(payload, 'base64').toString() };
}

test('version 1 answers GET with a block whose dots are doubled', async () => {
  assert.equal(await answerLine('GET user-script', storeOf(instance())), 'SUCCESS\nline 1\n..hidden\nline 3\n.\n');
});

test('version 1 answers what is absent, unknown, empty and negotiated', async () => {
  const store = storeOf(instance());
  assert.equal(await answerLine('GET nothing', store), 'NOTFOUND\n');
  assert.equal(await answerLine('', store), 'invalid command\n');
  assert.equal(await answerLine('GET', store), 'invalid command\n');
  assert.equal(await answerLine('PUT a b', store), 'invalid command\n');
  assert.equal(await answerLine('NEGOTIATE V2', store), 'V2_OK\n');
  assert.equal(await answerLine('NEGOTIATE V3', store), 'FAILURE\n');
  assert.equal(await answerLine('GET sdc:nics.0', store), 'NOTFOUND\n');
  assert.equal(await answerLine('GET sdc:tags', store), 'FAILURE\n');
});

test('the known checksum of a frame is the ordinary CRC-32', () => {
  assert.equal(encodeFrame('123456789').split(' ')[2], 'cbf43926');
});

test('version 2 reads, lists, writes and deletes', async () => {
  const vm = instance();
  const store = storeOf(vm);
  assert.deepEqual(await version2(store, 'GET', 'color'), { status: 'SUCCESS', payload: 'blue' });
  assert.deepEqual(await version2(store, 'GET', 'nothing'), { status: 'NOTFOUND', payload: '' });
  assert.deepEqual(await version2(store, 'KEYS'), { status: 'SUCCESS', payload: 'user-script\ncolor\nroot_pw\nop:x' });
  assert.deepEqual(await version2(store, 'PUT', `${b64('shape')} ${b64('round thing')}`), { status: 'SUCCESS', payload: 'OK' });
  assert.equal(vm.customer_metadata['shape'], 'round thing');
  assert.deepEqual(await version2(store, 'DELETE', 'shape'), { status: 'SUCCESS', payload: 'OK' });
  assert.equal('shape' in vm.customer_metadata, false);
  assert.deepEqual(await version2(store, 'PUT', `${b64('root_pw')} ${b64('new')}`), { status: 'SUCCESS', payload: 'OK' });
  assert.equal(vm.internal_metadata['root_pw'], 'new');
});

test('sdc keys show the instance and nothing that is internal', async () => {
  const store = storeOf(instance());
  for (const [key, value] of [
    ['sdc:uuid', '8f6e9e4c-1111-4222-8333-444444444444'],
    ['sdc:alias', 'web'],
    ['sdc:max_physical_memory', '128'],
    ['sdc:tags.role', 'db'],
    ['sdc:resolvers', '["10.0.0.1"]'],
    ['sdc:routes', '[{"linklocal":false,"dst":"10.1.0.0/16","gateway":"10.0.0.254"}]'],
    ['sdc:operator-script', 'echo hi'],
    ['root_pw', 'secret'],
    ['op:x', '1'],
  ] as const) {
    assert.deepEqual(await version2(store, 'GET', key), { status: 'SUCCESS', payload: value }, key);
  }
  for (const key of ['hidden', 'operator-script', '__proto__', 'constructor', 'sdc:__proto__', 'sdc:constructor', 'sdc:tags.constructor']) {
    assert.deepEqual(await version2(store, 'GET', key), { status: 'NOTFOUND', payload: '' }, key);
  }
});

test('protected namespaces cannot be written, with the words that guests know', async () => {
  const store = storeOf(instance());
  for (const [command, argument] of [['PUT', `${b64('sdc:alias')} ${b64('x')}`], ['DELETE', 'sdc:alias']] as const) {
    assert.deepEqual(await version2(store, command, argument), { status: 'FAILURE', payload: 'Cannot update the "sdc" Namespace.' });
  }
  assert.deepEqual(await version2(store, 'PUT', `${b64('op:x')} ${b64('2')}`), { status: 'FAILURE', payload: 'Cannot update the "op" Namespace.' });
  assert.deepEqual(await version2(store, 'PUT', 'nonsense'), { status: 'FAILURE', payload: 'Invalid PUT Request' });
  assert.deepEqual(await version2(store, 'EXPLODE'), { status: 'FAILURE', payload: 'Unknown command EXPLODE' });
});

test('malformed frames get silence', async () => {
  const store = storeOf(instance());
  const good = encodeFrame('0123abcd KEYS').trimEnd();
  for (const bad of [good.replace('KEYS', 'KEYZ'), good.replace('V2 13', 'V2 14'), 'V2 ', 'V2 x y z', 'V2 99999999999 00000000 x', good.slice(0, -1)]) {
    assert.equal(await answerLine(bad, store), undefined, bad);
  }
});

test('a guest cannot make the host keep more than its bounds', async () => {
  const vm = instance();
  const store = storeOf(vm);
  assert.equal((await store.write('big', 'x'.repeat(METADATA_LIMITS.valueBytes + 1))).status, 'failure');
  assert.equal((await store.write('k'.repeat(METADATA_LIMITS.keyBytes + 1), 'x')).status, 'failure');
  const filling = [];
  for (let index = 0; index < 4; index++) filling.push((await store.write(`m${index}`, 'x'.repeat(METADATA_LIMITS.valueBytes))).status);
  assert.deepEqual(filling, ['success', 'success', 'success', 'failure']);
});

function guestStream(): { host: Duplex; guest: PassThrough; answers: () => string } {
  const guest = new PassThrough();
  let answered = '';
  const host = Duplex.from({
    readable: guest,
    writable: new PassThrough().on('data', (chunk: Buffer) => {
      answered += chunk.toString();
    }),
  });
  return { host, guest, answers: () => answered };
}

test('a line of many megabytes is refused without being kept, and the next request is answered', async () => {
  const { host, guest, answers } = guestStream();
  const served = serveStream(host, storeOf(instance()));
  const before = process.memoryUsage().rss;
  guest.write('V2 900000000 00000000 0123abcd PUT ');
  const block = Buffer.alloc(1024 * 1024, 0x41);
  for (let sent = 0; sent < 256; sent++) {
    if (!guest.write(block)) await new Promise((resolve) => guest.once('drain', resolve));
  }
  guest.write('\nGET color\n');
  guest.end();
  await served;
  assert.match(answers(), /^V2 \d+ [0-9a-f]{8} 0123abcd FAILURE \S+\nSUCCESS\nblue\n\.\n$/);
  assert.ok(process.memoryUsage().rss - before < 150 * 1024 * 1024, 'the line was kept in memory');
});

test('requests beyond the pace wait and none is lost', async () => {
  const { host, guest, answers } = guestStream();
  const limits = { lineBytes: 1000, requestsPerSecond: 20, bytesPerSecond: 1_000_000, answerBytesPerSecond: 1_000_000 };
  const served = serveStream(host, storeOf(instance()), newGuestPace(limits), limits);
  for (let index = 0; index < 50; index++) guest.write('GET color\n');
  guest.end();
  await served;
  assert.equal(answers(), 'SUCCESS\nblue\n.\n'.repeat(50));
});

test('a boot loader that takes the line for a terminal gets no answers that it would take for keys', async () => {
  const { host, guest, answers } = guestStream();
  const served = serveStream(host, storeOf(instance()));
  guest.write('\u001b[2J\u001b[01;01HBoot Manager\r\n\r\nDebian\r\n');
  guest.write('GET color\n');
  guest.end();
  await served;
  assert.equal(answers(), 'SUCCESS\nblue\n.\n');
});

test('an empty line of a guest that uses no terminal is answered, which is how clients find the start of a line', async () => {
  const { host, guest, answers } = guestStream();
  const served = serveStream(host, storeOf(instance()));
  guest.write('\nGET color\n');
  guest.end();
  await served;
  assert.equal(answers(), 'invalid command\nSUCCESS\nblue\n.\n');
});
