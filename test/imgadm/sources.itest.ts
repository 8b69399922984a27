/** `imgadm sources`, `avail`, `show`, `publish`, `vacuum`, `update` as their users see them. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { findImage } from '../../imgadm/index.ts';
import { imageFiles, tarOf } from '../support/archives.ts';
import { cli, type CliResult } from '../support/cli.ts';
import { imageProxy } from '../support/image-proxy.ts';
import { imageServer, type ImageServer } from '../support/image-server.ts';
import { publishedImage } from '../support/published-image.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';

const DEFAULT = 'https://images.smartos.org';
const DEAD = 'http://127.0.0.1:9';
const MISSING = '00000000-0000-4000-8000-000000000000';

let node: ScratchNode;
let server: ImageServer;

before(async () => {
  node = await scratchNode();
  server = await imageServer();
});
after(async () => {
  await server.close();
  await node.remove();
});
beforeEach(() => writeFile(join(node.paths.config, 'imgadm.json'), '{"sources":[]}'));

const imgadm = (...args: string[]): Promise<CliResult> => cli(node, 'imgadm', args);
const says = (result: CliResult, stdout: string): void => assert.deepEqual([result.stdout, result.stderr, result.status], [stdout, '', 0]);
const fails = (result: CliResult, stderr: string, status = 1): void => assert.deepEqual([result.stdout, result.stderr, result.status], ['', `${stderr}\n`, status]);

test('a node that was never told has the source of SmartOS, and keeps it when another is added', async () => {
  await writeFile(join(node.paths.config, 'imgadm.json'), '{}');
  says(await imgadm('sources'), `${DEFAULT}\n`);
  says(await imgadm('sources', '-a', server.url), `Added "imgapi" image source "${server.url}"\n`);
  says(await imgadm('sources'), `${DEFAULT}\n${server.url}\n`);
  assert.equal((await stat(join(node.paths.config, 'imgadm.json'))).mode & 0o777, 0o600);
});

test('sources are added, listed, deleted, and a node without any stays so', async () => {
  says(await imgadm('sources', '-a', `${server.url}/`), `Added "imgapi" image source "${server.url}"\n`);
  says(await imgadm('sources', '-a', server.url.replace('http://', '')), `Already have "imgapi" image source "${server.url}", no change\n`);
  says(await imgadm('sources', '-f', '-k', '-t', 'imgapi', '-a', 'https://example.com:443/path/?channel=dev'), 'Added "imgapi" image source "https://example.com/path?channel=dev" (insecure) (channel=dev)\n');
  const second = 'https://example.com/path?channel=dev';
  const width = second.length;
  says(await imgadm('sources', '-v'), [`${'URL'.padEnd(width)}  TYPE    INSECURE`, `${server.url.padEnd(width)}  imgapi  false`, `${second}  imgapi  true`, ''].join('\n'));
  says(await imgadm('sources', '-j'), `${JSON.stringify([{ url: server.url, type: 'imgapi' }, { url: second, type: 'imgapi', insecure: true }], null, 2)}\n`);
  says(await imgadm('sources', '-d', second), `Deleted "imgapi" image source "${second}"\n`);
  says(await imgadm('sources', '-d', second), `Do not have image source "${second}", no change\n`);
  says(await imgadm('sources', '-d', server.url), `Deleted "imgapi" image source "${server.url}"\n`);
  says(await imgadm('sources'), '');
  says(await imgadm('sources', '-j'), '[]\n');
  fails(await imgadm('avail'), 'imgadm avail: error (NoSources): imgadm has no configured sources');
  fails(await imgadm('import', MISSING), 'imgadm import: error (NoSources): imgadm has no configured sources');
});

test('a source that does not answer as one is added only by force', async (t) => {
  const dead = await imgadm('sources', '-a', DEAD);
  assert.match(dead.stderr, /^imgadm sources: error \(SourcePing\): unexpected ping error with "imgapi" image source "http:\/\/127\.0\.0\.1:9": .*ECONNREFUSED.*\n$/);
  const proxy = await imageProxy(server.url);
  t.after(() => proxy.close());
  proxy.intercept = (_request, response) => (response.end('{"ping":"pong"}'), true);
  fails(await imgadm('sources', '-a', proxy.url), `imgadm sources: error (SourcePing): unexpected ping error with "imgapi" image source "${proxy.url}": it is not an IMGAPI: its ping has no "imgapi"`);
  says(await imgadm('sources'), '');
  says(await imgadm('sources', '-f', '-a', DEAD), `Added "imgapi" image source "${DEAD}"\n`);
  says(await imgadm('sources', '-a', server.url), `Added "imgapi" image source "${server.url}"\n`);
  const check = await imgadm('sources', '-c');
  assert.deepEqual([check.stdout, check.status], [`The "imgapi" image source "${server.url}" answers\n`, 1]);
  assert.match(check.stderr, /error \(SourcePing\)/);
});

const BAD_URLS: ReadonlyArray<readonly [url: string, reason: string]> = [
  ['ftp://example.com', 'only http and https are known'],
  ['file:///etc/shadow', 'only http and https are known'],
  ['http://', 'it is not a URL'],
  ['http://exa mple.com', 'it holds blanks or control characters'],
  ['http://example.com/\n', 'it holds blanks or control characters'],
  ['http://example.com/#x', 'it has a fragment'],
  ['https://user:secret@example.com', 'it holds a user name or password, which would be shown wherever the URL is'],
];

for (const [url, reason] of BAD_URLS) {
  test(`${JSON.stringify(url)} is refused as a source`, async () => {
    const { stderr, status } = await imgadm('sources', '-f', '-a', url);
    assert.equal(status, 1);
    assert.match(stderr, /^imgadm sources: error \(InvalidArgument\): invalid image source URL /);
    assert.ok(stderr.includes(reason), stderr);
    assert.doesNotMatch(stderr, /secret/);
    says(await imgadm('sources'), '');
  });
}

test('wrong usage of sources is told', async () => {
  fails(await imgadm('sources', '-a', DEAD, '-d', DEAD), 'imgadm sources: error (Usage): cannot use more than one of --add, --delete');
  fails(await imgadm('sources', 'x'), 'imgadm sources: error (Usage): unexpected argument: "x"');
  fails(await imgadm('sources', '-t', 'bogus', '-a', DEAD), 'imgadm sources: error (Usage): invalid image source type: "bogus" (must be imgapi)');
  fails(await imgadm('sources', '-t', 'docker', '-a', 'https://docker.io'), 'imgadm sources: error (NotSupported): an image source of type "docker" is not supported by this version');
  fails(await imgadm('sources', '--cert', 'x', '-a', DEAD), 'imgadm sources: error (Usage): --cert and --key belong together');
  await writeFile(join(node.paths.config, 'imgadm.json'), '{"sources":[{"type":"imgapi"}]}');
  assert.match((await imgadm('sources')).stderr, /^imgadm sources: error \(ConfigError\): configuration .*imgadm\.json cannot be used: sources\.0\.url \(/);
});

test('the list can be edited', async () => {
  await imgadm('sources', '-f', '-a', DEAD);
  await imgadm('sources', '-a', server.url);
  const editor = join(process.env['ZONEWRIGHT_SANDBOX'] ?? '', 'editor');
  const edit = async (script: string): Promise<CliResult> => {
    await writeFile(editor, `#!/bin/sh\n${script}\n`);
    await chmod(editor, 0o755);
    return cli(node, 'imgadm', ['sources', '-e'], { environment: { EDITOR: `${editor} -w` } });
  };
  says(await edit('test "$1" = -w'), 'Image sources unchanged\n');
  says(await edit(`printf '%s\\n' '${server.url}' '# no' '' '${DEAD}' >"$2"`), 'Reordered image sources\n');
  says(await imgadm('sources'), `${server.url}\n${DEAD}\n`);
  says(await edit(`printf '%s\\n' '${server.url}/base/..' >"$2"`), `Deleted "imgapi" image source "${DEAD}"\n`);
  assert.match((await edit('echo ftp://x >"$2"')).stderr, /InvalidArgument/);
  fails(await edit('exit 3'), `imgadm sources: error (Usage): the editor "${editor}" ended with status 3; nothing was changed`);
  says(await imgadm('sources'), `${server.url}\n`);
});

test('avail shows what the sources have, each image once, in the order and with the fields asked for', async (t) => {
  const tag = randomUUID();
  const [one, two] = [await publishedImage(server, { name: 'aa', published_at: '2026-01-02T03:04:05Z', tags: { [tag]: true } }), await publishedImage(server, { name: 'bb', os: 'other', published_at: '2025-01-02T03:04:05Z', tags: { [tag]: true } })];
  const proxy = await imageProxy(server.url);
  t.after(() => proxy.close());
  await imgadm('sources', '-a', server.url);
  await imgadm('sources', '-a', proxy.url);
  const filter = `tags.${tag}=true`;
  says(await imgadm('avail', filter), [`UUID${' '.repeat(32)}  NAME  VERSION  OS     TYPE        PUB`, `${two.uuid}  bb    1.0      other  lx-dataset  2025-01-02`, `${one.uuid}  aa    1.0      linux  lx-dataset  2026-01-02`, ''].join('\n'));
  says(await imgadm('available', '-Ho', 'name,source,size', '-s', 'name', filter), `aa  ${server.url}  2560\nbb  ${server.url}  2560\n`);
  const listed = JSON.parse((await imgadm('avail', '-j', filter, 'os=linux')).stdout) as unknown;
  assert.deepEqual(listed, [{ manifest: one.manifestOf, source: server.url }]);
  says(await imgadm('avail', 'name=none'), '');
  assert.deepEqual(JSON.parse((await imgadm('show', two.uuid)).stdout), two.manifestOf);
  fails(await imgadm('show', MISSING), `imgadm show: error (ImageNotFound): an active image "${MISSING}" was not found in image sources`);
  await imgadm('sources', '-f', '-a', DEAD);
  const partial = await imgadm('avail', '-Ho', 'name', filter);
  assert.deepEqual([partial.stdout, partial.status], ['bb\naa\n', 1]);
  assert.match(partial.stderr, /^imgadm avail: error \(ClientError\): http:\/\/127\.0\.0\.1:9: /);
});

test('publish says each step, and what it published is the file', async () => {
  const { uuid, manifest, file } = await imageFiles(await tarOf([{ name: './a', content: 'x' }]), { name: 'mine', version: '2' });
  says(
    await imgadm('publish', '-m', manifest, '-f', file, `${server.url}/`),
    [
      `Imported image ${uuid} (mine, 2, state=unactivated)`,
      `Added file "${file}" (compression "none") to image ${uuid}`,
      `Activated image ${uuid}`,
      `Successfully published image ${uuid} to ${server.url}`,
      '',
    ].join('\n'),
  );
  const answer = await fetch(`${server.url}/images/${uuid}/file`);
  assert.deepEqual(Buffer.from(await answer.arrayBuffer()), await readFile(file));
  fails(await imgadm('publish', '-m', manifest, '-f', file, server.url), `imgadm publish: error (ImageUuidAlreadyExists): ${server.url}: image ${uuid} exists already`);
});

test('publish refuses what is not right before it sends anything', async () => {
  const { manifest, file } = await imageFiles(await tarOf([{ name: './a', content: 'x' }]));
  const wrong = await imageFiles(Buffer.from('x'), { files: [{ sha1: '0'.repeat(40), size: 1, compression: 'none' }] });
  const before = (await server.images.list({ state: 'all' })).length;
  fails(await imgadm('publish', '-m', manifest, '-f', file), 'imgadm publish: error (Usage): missing argument: URL');
  fails(await imgadm('publish', '-f', file, server.url), 'imgadm publish: error (Usage): missing option: -m MANIFEST-FILE');
  fails(await imgadm('publish', '-m', manifest, server.url), 'imgadm publish: error (Usage): missing option: -f IMAGE-FILE');
  fails(await imgadm('publish', '-m', manifest, '-f', '/nonexistent', server.url), 'imgadm publish: error (FileSystem): cannot read /nonexistent: there is no such file');
  assert.match((await imgadm('publish', '-m', wrong.manifest, '-f', wrong.file, server.url)).stderr, /^imgadm publish: error \(UploadError\): sha1 of ".*" does not match the manifest: expected 0{40}, got [0-9a-f]{40}\n$/);
  assert.match((await imgadm('publish', '-m', manifest, '-f', file, DEAD)).stderr, /error \(ClientError\): http:\/\/127\.0\.0\.1:9: /);
  assert.equal((await server.images.list({ state: 'all' })).length, before);
});

test('a publish that fails on the way leaves nothing on the server', async (t) => {
  const { uuid, manifest, file } = await imageFiles(await tarOf([{ name: './a', content: 'x' }]));
  const proxy = await imageProxy(server.url);
  t.after(() => proxy.close());
  proxy.intercept = (request, response) => {
    if (!request.url?.includes('action=activate')) return false;
    response.writeHead(503, { 'content-type': 'application/json' }).end('{"code":"StorageIsDown","message":"no","errors":[{"field":"file","code":"Missing","message":"gone"}]}');
    return true;
  };
  const stored = await server.stored();
  const { stderr, status } = await imgadm('publish', '-m', manifest, '-f', file, proxy.url);
  assert.deepEqual([stderr, status], [`imgadm publish: error (StorageIsDown): ${proxy.url}: no\n    file: Missing: gone\n`, 1]);
  assert.equal(await server.images.get(uuid), undefined);
  assert.deepEqual(await server.stored(), stored);
});

test('update takes over what a source says by now, but not of the content', async () => {
  const image = await publishedImage(server, { name: 'old', requirements: { brand: 'lx' } });
  await imgadm('sources', '-a', server.url);
  assert.equal((await imgadm('import', image.uuid)).status, 0);
  says(await imgadm('update'), '');
  await server.images.update(image.uuid, { description: 'news', requirements: { brand: 'lx', min_ram: 64 } });
  const line = `Updated 2 manifest fields for image ${image.uuid} from "${server.url}": requirements.min_ram, description\n`;
  const sorted = (text: string): string[] => text.split(/[:,] ?/).map((part) => part.trim()).sort();
  assert.deepEqual(sorted((await imgadm('update', '-n')).stdout), sorted(line));
  assert.equal((await findImage(node, image.uuid))?.manifest['description'], undefined);
  assert.deepEqual(sorted((await imgadm('update', image.uuid)).stdout), sorted(line));
  assert.equal((await findImage(node, image.uuid))?.manifest['description'], 'news');
  fails(await imgadm('update', MISSING), `imgadm update: error (Usage): no installed image with the given UUID(s): ${MISSING}`);
  await server.images.remove(image.uuid);
  const gone = await imgadm('update');
  assert.deepEqual([gone.stdout, gone.stderr, gone.status], ['', `warning: Could not find image ${image.uuid} in image sources (skipping)\n`, 0]);
});

test('vacuum deletes what nothing stands on, and asks first', async () => {
  assert.equal((await imgadm('list', '-Ho', 'name')).stdout, 'old\n');
  const [uuid] = (await imgadm('list', '-Ho', 'uuid')).stdout.split('\n');
  says(await imgadm('vacuum', '-n'), `[dry-run] Deleted image ${uuid} (old@1.0)\n`);
  fails(await imgadm('vacuum'), 'imgadm vacuum: error (Usage): there is no terminal to ask on; use -f to delete without asking, -n to see what would be deleted');
  fails(await imgadm('vacuum', 'x'), 'imgadm vacuum: error (Usage): unexpected argument: "x"');
  says(await imgadm('vacuum', '-f'), `Deleted image ${uuid} (old@1.0)\n`);
  says(await imgadm('vacuum', '-f'), '');
});

test('the version is one that callers of SmartOS know how to compare', async () => {
  const [name, version] = (await imgadm('--version')).stdout.split(' ');
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  assert.deepEqual([name, major === 3 && minor >= 3], ['imgadm', true]);
});
