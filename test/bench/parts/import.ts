/** Importing an image from a server on loopback, against the pipe that an operator would type. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { dataset } from '../../../host/config/units.ts';
import { run } from '../../../host/run/run.ts';
import { destroyDataset } from '../../../host/zfs/zfs.ts';
import { publishImage } from '../../../imgadm/publish/publish.ts';
import { deleteInstalled } from '../../../imgadm/store/delete.ts';
import { imageServer, type ImageServer } from '../../support/image-server.ts';
import { benchNode, WITHOUT_AGENT, type BenchNode } from '../contenders/our-node.ts';
import { timed } from '../measure/command.ts';
import { takeTurns, type Contender } from '../measure/rounds.ts';
import { roundsOf, type Session } from '../measure/session.ts';

const USUAL_ROUNDS = 5;
/** MiB. Half of each image can be compressed away. */
const SIZES = [64, 256];
const QUICK_SIZES = [16, 32];

const IMPORT = 'imgadm import';
const PIPE = 'curl | zstd -d | zfs receive';

export async function measureImport(session: Session): Promise<void> {
  const bench = await benchNode(session);
  const server = await imageServer();
  session.onEnd(() => server.close());
  const sizes = session.quick ? QUICK_SIZES : SIZES;
  const peaks: Record<number, readonly number[]> = {};
  for (const megabytes of sizes) {
    session.progress(`making an image of ${megabytes} MiB`);
    const uuid = await publishedStream(bench, server, megabytes);
    const contenders = [ourImport(bench, server, { uuid, megabytes }), pipe(bench, server, { uuid, megabytes })];
    const measured = await takeTurns(contenders, { rounds: roundsOf(session, USUAL_ROUNDS) }, session);
    peaks[megabytes] = measured['peak']?.[IMPORT] ?? [];
    const place = { part: 'import', at: megabytes, along: 'MiB' } as const;
    session.figures.push({ ...place, what: 'import of a ZFS stream', unit: 'MiB/s', series: measured['rate'] ?? {}, comparisons: [{ of: IMPORT, over: PIPE, atLeast: 0.8 }] });
    session.figures.push({ ...place, what: 'memory of import at most', unit: 'MiB', series: { [IMPORT]: peaks[megabytes] } });
  }
  const [small = 0, large = 0] = sizes;
  const [ofSmall, ofLarge] = [`${small} MiB`, `${large} MiB`];
  session.figures.push({
    part: 'import',
    what: 'memory of import, by the size of the image',
    unit: 'MiB',
    series: { [ofSmall]: peaks[small] ?? [], [ofLarge]: peaks[large] ?? [] },
    comparisons: [{ of: ofLarge, over: ofSmall, atMost: 1.25 }],
  });
}

interface Published {
  readonly uuid: string;
  readonly megabytes: number;
}

function ourImport(bench: BenchNode, server: ImageServer, { uuid, megabytes }: Published): Contender {
  return {
    name: IMPORT,
    async measure() {
      const { seconds, peak } = await watched(bench.command('imgadm', 'import', '-S', server.url, uuid), bench.environment(WITHOUT_AGENT));
      await deleteInstalled(bench.node, uuid);
      return { rate: megabytes / seconds, peak };
    },
  };
}

function pipe({ node }: BenchNode, server: ImageServer, { uuid, megabytes }: Published): Contender {
  const target = dataset(node.pool, 'piped');
  return {
    name: PIPE,
    async measure() {
      const { wall } = await timed({ argv: ['bash', '-o', 'pipefail', '-c', 'curl --silent --fail "$1" | zstd -d --quiet | zfs receive "$2"', 'pipe', `${server.url}/images/${uuid}/file`, target] });
      await destroyDataset(target, { recursive: true });
      return { rate: (megabytes * 1000) / wall };
    },
  };
}

const SAMPLE_MILLISECONDS = 20;

/** Run one of our commands and watch its own memory. */
async function watched([program, ...args]: readonly [string, ...string[]], environment: Readonly<Record<string, string>>): Promise<{ seconds: number; peak: number }> {
  const began = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env['PATH'] ?? '', ...environment } });
  let [peak, said] = [0, ''];
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const sampler = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid ?? 0}/status`, 'utf8').catch(() => '');
    peak = Math.max(peak, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024);
  }, SAMPLE_MILLISECONDS);
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearInterval(sampler);
  if (status !== 0) throw new Error(`imgadm import ended with ${String(status)}: ${said}`);
  return { seconds: (performance.now() - began) / 1000, peak };
}

/** A dataset as an image of the server: a ZFS stream in zstd. */
async function publishedStream({ node }: BenchNode, server: ImageServer, megabytes: number): Promise<string> {
  const uuid = randomUUID();
  const source = dataset(node.pool, 'source');
  await run(['zfs', 'create', source]);
  await fill(join(node.mountpoint, 'source', 'root'), megabytes);
  await run(['zfs', 'snapshot', `${source}@final`]);
  const file = join(process.env['ZONEWRIGHT_SANDBOX'] ?? '', `${uuid}.zfs.zst`);
  await run(['bash', '-o', 'pipefail', '-c', 'zfs send "$1" | zstd --quiet -3 -o "$2"', 'send', `${source}@final`, file]);
  await destroyDataset(source, { recursive: true });
  const manifestPath = `${file}.json`;
  const files = [{ sha1: await digestOf(file), size: (await stat(file)).size, compression: 'zstd' }];
  await writeFile(manifestPath, JSON.stringify({ v: 2, uuid, name: 'bench', version: '1', type: 'lx-dataset', os: 'linux', files }));
  await publishImage({ manifestPath, filePath: file, to: { type: 'imgapi', url: server.url } });
  await rm(file);
  return uuid;
}

async function fill(directory: string, megabytes: number): Promise<void> {
  await mkdir(directory);
  const half = Buffer.alloc(512 * 1024, 'zonewright ');
  for (let index = 0; index < megabytes; index++) {
    const file = await open(join(directory, `f${index}`), 'w');
    await file.write(Buffer.concat([randomBytes(half.length), half]));
    await file.close();
  }
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha1');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
