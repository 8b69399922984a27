import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { manifestFor } from '../support/archives.ts';
import { cli } from '../support/cli.ts';
import { qcow2Of, rawDisk } from '../support/disks.ts';
import { imageTraces, type ImageTraces } from '../support/image-traces.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';

/** Formats with the number of steps that an install of each has. */
const FORMATS = [['raw', 5], ['qcow2', 7]] as const;
type Format = (typeof FORMATS)[number][0];

let node: ScratchNode;
let untouched: ImageTraces;
const images = new Map<Format, { readonly uuid: string; readonly args: readonly string[] }>();

before(async () => {
  node = await scratchNode();
  const raw = await rawDisk(2);
  for (const [format] of FORMATS) {
    const file = format === 'raw' ? raw : await qcow2Of(raw);
    const { uuid, manifest } = await manifestFor(file, `${file}.imgmanifest`, { type: 'zvol' });
    images.set(format, { uuid, args: ['-m', manifest, '-f', file] });
  }
  // The first image of a node claims the ids for unpacking, which stay.
  await install('raw');
  await remove('raw');
  untouched = await imageTraces(node);
});
after(() => node.remove());

for (const [format, steps] of FORMATS) {
  const points = ['intent', ...Array.from({ length: steps }, (_, index) => [`before:${index + 1}`, `after:${index + 1}`]).flat(), 'before:commit'];
  for (const point of points) {
    test(`an install of a ${format} disk that is killed at ${point} leaves nothing`, async () => {
      assert.equal((await install(format, point)).signal, 'SIGKILL');
      const { stdout, stderr, status } = await cli(node, 'imgadm', ['list']);
      assert.deepEqual({ stdout, stderr, status }, { stdout: '', stderr: '', status: 0 });
      assert.deepEqual(await imageTraces(node), untouched);
    });
  }

  test(`no step of an install of a ${format} disk lies beyond those walked here`, async () => {
    assert.equal((await install(format, `before:${steps + 1}`)).status, 0);
    assert.equal((await remove(format)).status, 0);
    assert.deepEqual(await imageTraces(node), untouched);
  });
}

for (const point of ['before:2', 'after:2', 'after:3']) {
  test(`a deletion of a disk that is killed at ${point} is carried to its end`, async () => {
    assert.equal((await install('raw')).status, 0);
    assert.equal((await remove('raw', point)).signal, 'SIGKILL');
    assert.equal((await cli(node, 'imgadm', ['list', '-H'])).stdout, '');
    assert.deepEqual(await imageTraces(node), untouched);
  });
}

function install(format: Format, crashAt?: string) {
  return cli(node, 'imgadm', ['install', ...(images.get(format)?.args ?? [])], crashing(crashAt));
}

function remove(format: Format, crashAt?: string) {
  return cli(node, 'imgadm', ['delete', images.get(format)?.uuid ?? ''], crashing(crashAt));
}

function crashing(point: string | undefined) {
  return point === undefined ? {} : { environment: { ZONEWRIGHT_CRASH_AT: point } };
}
