import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { run } from '../../../host/run/run.ts';
import { findPool } from '../../../host/zfs/pool.ts';
import { FACTORY_RESET } from '../../../node/boot/factory-reset.ts';
import { parseKernelParameters } from '../../../node/boot/kernel-parameters.ts';
import { importForRescue } from '../../../node/boot/rescue.ts';
import { restoreNode } from '../../../node/boot/restore-node.ts';
import { findUnfinishedPools } from '../../../node/firstboot/unfinished-pools.ts';
import { diskDirectory } from '../../support/disks.ts';
import { cli } from '../../support/cli.ts';
import { scratchNode } from '../../support/scratch-node.ts';

let directory: string;
let said: string[];
let pools: string[];

beforeEach(async () => {
  directory = await diskDirectory();
  await mkdir(join(directory, 'disks'));
  process.env['ZONEWRIGHT_NODE'] = join(directory, 'etc/node.json');
  [said, pools] = [[], []];
});
afterEach(async () => {
  for (const pool of pools) await run(['zpool', 'destroy', '-f', pool], { acceptExitCodes: [0, 1] });
});

interface Made {
  readonly name: string;
  readonly uuid: string;
}

/** A pool as it lies on the disks of a machine that is off. */
async function poolOnDisk({ ofNode = true, withConfig = true, dataset, properties = {} }: { readonly ofNode?: boolean; readonly withConfig?: boolean; readonly dataset?: string; readonly properties?: Readonly<Record<string, string>> } = {}): Promise<Made> {
  const [name, uuid]: [string, string] = [`zwr${randomUUID().slice(0, 8)}`, randomUUID()];
  pools.push(name);
  const file = join(directory, 'disks', `${name}.img`);
  await writeFile(file, '');
  await truncate(file, 256 * 1024 ** 2);
  const mountpoint = join(directory, name);
  const all = { ...(ofNode ? { 'zonewright:node': uuid } : {}), ...properties };
  await run(['zpool', 'create', ...Object.entries(all).flatMap(([key, value]) => ['-O', `${key}=${value === 'own' ? uuid : value}`]), '-m', mountpoint, name, file]);
  await run(['zfs', 'create', `${name}/config`]);
  if (dataset !== undefined) await run(['zfs', 'create', `${name}/${dataset}`]);
  if (withConfig) {
    const config = { version: 1, serverUuid: uuid, pool: name, mountpoint, runDirectory: join(directory, 'run'), cgroup: 'x', zfs: { implementation: 'zfs-fuse', version: '1' }, uidRanges: { first: 0, count: 1 }, idmappedMounts: false };
    await writeFile(join(mountpoint, 'config/node.json'), JSON.stringify(config));
  }
  await run(['zpool', 'export', name]);
  return { name, uuid };
}

function restore(parameters = '') {
  return restoreNode({ source: { directory: join(directory, 'disks') }, parameters: parseKernelParameters(parameters), say: (line) => said.push(line) });
}

async function onDisks(): Promise<string> {
  return (await run(['zpool', 'import', '-d', join(directory, 'disks')], { acceptExitCodes: [0, 1] })).stdout;
}

test('a machine finds itself in its pool, and leaves other pools as they were', async () => {
  const [other, own] = [await poolOnDisk({ ofNode: false, withConfig: false }), await poolOnDisk()];
  assert.equal(await restore(), own.name);
  assert.match(await readFile(join(directory, 'etc/node.json'), 'utf8'), new RegExp(own.uuid));
  assert.equal(await findPool(other.name), undefined);
  assert.match(await onDisks(), new RegExp(other.name));
  assert.equal(await restore(), own.name, 'a second time it is what it is');
});

test('without a pool of a node the machine is none', async () => {
  const { name } = await poolOnDisk({ ofNode: false, withConfig: false, dataset: 'config2' });
  assert.equal(await restore(), undefined);
  assert.match(await onDisks(), new RegExp(name));
  assert.equal(existsSync(join(directory, 'etc/node.json')), false);
});

test('a pool that was marked is destroyed, and the machine is none then', async () => {
  const { name } = await poolOnDisk({ properties: { [FACTORY_RESET]: 'own' } });
  assert.equal(await restore(), undefined);
  assert.doesNotMatch(await onDisks(), new RegExp(name));
  assert.match(said.join('\n'), new RegExp(`factory reset: pool ${name} is destroyed`));
});

test('a mark with another node’s name on it means nothing', async () => {
  const { name } = await poolOnDisk({ properties: { [FACTORY_RESET]: randomUUID() } });
  assert.equal(await restore(), name);
});

test('destroy_zpools=true destroys the node’s pool, and no other', async () => {
  const [own, other] = [await poolOnDisk(), await poolOnDisk({ ofNode: false, withConfig: false })];
  assert.equal(await restore('quiet destroy_zpools=true'), undefined);
  const left = await onDisks();
  assert.doesNotMatch(left, new RegExp(own.name));
  assert.match(left, new RegExp(other.name));
});

test('with the pools of two nodes in one machine destroy_zpools=true destroys neither', async () => {
  const [one, two] = [await poolOnDisk(), await poolOnDisk()];
  await assert.rejects(restore('destroy_zpools=true'), { code: 'FactoryResetAmbiguous' });
  const left = await onDisks();
  for (const { name } of [one, two]) assert.match(left, new RegExp(name));
});

test('a pool that lacks a disk is passed over and said, and the node is found beside it', async () => {
  const broken = await poolOnDisk({ ofNode: false, withConfig: false });
  const second = join(directory, 'disks', 'second.img');
  await writeFile(second, '');
  await truncate(second, 256 * 1024 ** 2);
  await run(['zpool', 'import', '-d', join(directory, 'disks'), broken.name]);
  await run(['zpool', 'add', '-f', broken.name, second]);
  await run(['zpool', 'export', broken.name]);
  await rename(second, join(directory, 'away.img'));
  assert.equal(await restore(), undefined);
  assert.match(said.join('\n'), new RegExp(`pool ${broken.name} .*is left alone`));
  const own = await poolOnDisk();
  assert.equal(await restore(), own.name);
});

test('what an interrupted set-up left is known as such, and no pool with anything in it is', async () => {
  const unfinished = await poolOnDisk({ withConfig: false });
  await poolOnDisk({ withConfig: false, dataset: randomUUID() });
  await poolOnDisk({ withConfig: false, dataset: 'photos' });
  await poolOnDisk({ withConfig: false, ofNode: false });
  assert.deepEqual(await findUnfinishedPools({ directory: join(directory, 'disks') }), [unfinished.name]);
});

test('rescue imports the pool below a directory of its own', async () => {
  const { name, uuid } = await poolOnDisk();
  const root = join(directory, 'mnt');
  const rescued = await importForRescue({ readonly: false, root, source: { directory: join(directory, 'disks') } });
  assert.deepEqual([rescued.name, rescued.node], [name, uuid]);
  assert.match(await readFile(join(root, directory, name, 'config/node.json'), 'utf8'), new RegExp(uuid));
  await assert.rejects(importForRescue({ pool: 'nosuch', readonly: false, source: { directory: join(directory, 'disks') } }), { code: 'PoolUnclear' });
});

test('zonewright factory-reset marks the pool only when its name was typed, and takes it back', async () => {
  const node = await scratchNode({ megabytes: 256 });
  try {
    const mark = async (): Promise<string> => (await run(['zfs', 'get', '-H', '-o', 'value', FACTORY_RESET, node.pool])).stdout.trim();
    const refused = await cli(node, 'zonewright', ['factory-reset'], { input: 'yes\n' });
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /would be destroyed/);
    assert.equal((await cli(node, 'zonewright', ['factory-reset'], { input: '' })).status, 1);
    assert.equal((await cli(node, 'zonewright', ['factory-reset', 'tank', '--yes-destroy-all-data'])).status, 1);
    assert.equal(await mark(), '-');
    assert.equal((await cli(node, 'zonewright', ['factory-reset'], { input: `${node.pool}\n` })).status, 0);
    assert.equal(await mark(), node.serverUuid);
    await cli(node, 'zonewright', ['factory-reset', '--cancel']);
    assert.equal(await mark(), '-');
    assert.equal((await cli(node, 'zonewright', ['factory-reset', '--yes-destroy-all-data', node.pool])).status, 0);
    assert.equal(await mark(), node.serverUuid);
  } finally {
    await node.remove();
  }
});
