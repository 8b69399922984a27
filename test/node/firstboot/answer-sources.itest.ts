import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { formatFat, writeFatFile } from '../../../host/fat/fat-volume.ts';
import { run } from '../../../host/run/run.ts';
import { parseKernelParameters } from '../../../node/boot/kernel-parameters.ts';
import { answersFromFile, answersFromKernel, findAnswers, textAt } from '../../../node/firstboot/answer-sources.ts';
import { loopDevice, type LoopDisk } from '../disks/loop-disks.ts';

const HASH = '$6$salt$0123456789abcdef';
/** Nobody else's medium has it. */
const LABEL = `ZWT${process.pid}`;

let directory: string;
let modules: string;
let medium: LoopDisk | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(process.env['ZONEWRIGHT_SANDBOX'] ?? '/nonexistent', 'answers-'));
  modules = join(directory, 'boot');
  await mkdir(modules);
});
afterEach(async () => {
  await medium?.detach();
  medium = undefined;
  await rm(directory, { recursive: true, force: true });
});

function find(parameters = '', text = '{}') {
  return findAnswers(parseKernelParameters(parameters), async () => text, modules);
}

/** A CD with these files in this machine's drive. */
async function insert(files: Readonly<Record<string, string>>, label = LABEL): Promise<void> {
  const [content, image] = [join(directory, 'content'), join(directory, 'cd.iso')];
  await mkdir(content);
  for (const [name, text] of Object.entries(files)) await writeFile(join(content, name), text);
  await run(['xorriso', '-as', 'mkisofs', '-quiet', '-volid', label, '-rational-rock', '-output', image, content]);
  medium = await loopDevice(image);
}

test('without any source there are no answers', async () => assert.equal(await find(), undefined));

test('a boot module is taken first', async () => {
  await writeFile(join(modules, 'answers.json'), '{"hostname":"module"}');
  const found = await find('zonewright.answers=http://127.0.0.1/x', '{"hostname":"url"}');
  assert.deepEqual([found?.answers, found?.source], [{ hostname: 'module' }, 'the boot module answers.json']);
});

test('a medium with the label is found, and read with its secrets', async () => {
  await insert({ 'answers.json': JSON.stringify({ hostname: 'cd', root_password_hash: HASH }) });
  const found = await find(`zonewright.answers=${LABEL.toLowerCase()}`);
  assert.deepEqual(found?.answers, { hostname: 'cd', root_password_hash: HASH });
  assert.match(found?.source ?? '', /^answers\.json on \/dev\/loop\d+$/);
});

test('a stick with a FAT file system is as good as a disc', async () => {
  const image = join(directory, 'stick.img');
  await writeFile(image, '');
  await truncate(image, 320 * 1024 ** 2);
  await formatFat(image, { sectors: 655_360, label: LABEL });
  await writeFatFile(image, '/answers.json', '{"hostname":"stick"}');
  medium = await loopDevice(image);
  assert.deepEqual((await find(`zonewright.answers=${LABEL}`))?.answers, { hostname: 'stick' });
});

test('a medium without the file is not enough', async () => {
  await insert({ 'readme.txt': 'x' });
  await assert.rejects(find(`zonewright.answers=${LABEL}`), { code: 'AnswersUnreadable', message: /no disk has the label/ });
});

test('answers that are no JSON are an error, not ignored', async () => {
  await insert({ 'answers.json': '{ "role": "head", }' });
  await assert.rejects(find(`zonewright.answers=${LABEL}`), { code: 'AnswersInvalid', message: /it is not JSON/ });
});

test('a medium with another file system is refused', async () => {
  const image = join(directory, 'disk.img');
  await run(['mke2fs', '-q', '-F', '-t', 'ext4', '-L', LABEL, image, '8M']);
  medium = await loopDevice(image);
  await assert.rejects(find(`zonewright.answers=${LABEL}`), { code: 'AnswersUnreadable', message: /holds ext4, and must hold iso9660 or vfat/ });
});

for (const bad of ['../../etc', 'a b', 'x'.repeat(40), '$(reboot)', 'ftp://x/y']) {
  test(`zonewright.answers="${bad}" is refused`, async () => {
    await assert.rejects(findAnswers(new Map([['zonewright.answers', bad]]), async () => '{}', modules), { code: 'AnswersUnreadable' });
  });
}

for (const secret of [{ root_password: 'correct horse' }, { root_password_hash: HASH }, { join: { token: 'abcdefgh-abcdefgh' } }]) {
  test(`${Object.keys(secret)[0] ?? ''} is not taken from where others can read it`, async () => {
    await assert.rejects(find('zonewright.answers=http://10.0.0.1/a', JSON.stringify(secret)), { code: 'AnswersInvalid', message: /must not come over the network in clear/ });
    await writeFile(join(modules, 'answers.json'), JSON.stringify(secret));
    await assert.rejects(find(), { code: 'AnswersInvalid' });
  });
}

test('by https, or by a fingerprint that is no secret, it may', async () => {
  assert.ok(await find('zonewright.answers=https://10.0.0.1/a', JSON.stringify({ root_password_hash: HASH })));
  assert.ok(await find('zonewright.answers=http://10.0.0.1/a', JSON.stringify({ join: { head: 'https://10.0.0.1:8443', ca_sha256: 'a'.repeat(64) } })));
});

test('answers are fetched from an address, tried again, and not when they are too long or elsewhere', async () => {
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    if (request.url === '/late' && requests === 1) return response.writeHead(503).end();
    if (request.url === '/moved') return response.writeHead(302, { location: '/late' }).end();
    return response.end(request.url === '/long' ? ' '.repeat(300 * 1024) : '{"hostname":"url"}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    assert.equal(await textAt(`http://127.0.0.1:${port}/late`, { pause: async () => undefined }), '{"hostname":"url"}');
    for (const path of ['long', 'moved']) await assert.rejects(textAt(`http://127.0.0.1:${port}/${path}`, { pause: async () => undefined }), { code: 'AnswersUnreadable' });
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('a file that somebody names is read, and neither a link, a directory nor a file without an end', async () => {
  const path = join(directory, 'answers.json');
  await writeFile(path, '{"hostname":"file"}');
  assert.deepEqual((await answersFromFile(path)).answers, { hostname: 'file' });
  await symlink(path, join(directory, 'link'));
  for (const bad of [join(directory, 'link'), directory, '/dev/zero', join(directory, 'nothing')]) await assert.rejects(answersFromFile(bad), { code: 'AnswersUnreadable' });
});

test('the kernel’s parameters answer what they can, and are checked as well', () => {
  assert.deepEqual(answersFromKernel(parseKernelParameters('quiet hostname=n1 admin_nic=52:54:00:00:00:01 admin_ip=10.0.0.5 admin_netmask=255.255.255.0 root_shadow=x')), {
    hostname: 'n1',
    admin_nic: '52:54:00:00:00:01',
    admin_ip: '10.0.0.5',
    admin_netmask: '255.255.255.0',
  });
  assert.throws(() => answersFromKernel(parseKernelParameters('admin_ip=10.0')), { code: 'AnswersInvalid', message: /the kernel parameters.*admin_ip = "10\.0"/ });
});
