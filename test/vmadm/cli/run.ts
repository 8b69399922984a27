/** Run a command line in this process, with streams that a test can read. */
import { PassThrough, Readable, Writable } from 'node:stream';
import type { Engine } from '../../../vmadm/engine.ts';
import { main, type MainOptions } from '../../../vmadm/cli/main.ts';
import { fakeEngine } from '../../support/fake-engine.ts';

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly engine?: Engine;
  readonly stdin?: string;
  /** Which of stdin and stderr are terminals. */
  readonly terminals?: ReadonlyArray<'stdin' | 'stderr'>;
  readonly options?: Partial<MainOptions>;
}

export async function vmadm(args: readonly string[], { engine = fakeEngine(), stdin = '', terminals = [], options = {} }: Surroundings = {}): Promise<Outcome> {
  const input = Object.assign(Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]), { isTTY: terminals.includes('stdin') });
  const output = collector(false);
  const errors = collector(terminals.includes('stderr'));
  const status = await main(['node', '/usr/sbin/vmadm', ...args], {
    openEngine: async () => engine,
    followEvents: () => Promise.reject(new Error('no agent')),
    runInteractively: async () => 0,
    streams: { stdin: input, stdout: output.stream, stderr: errors.stream },
    environment: {},
    isRoot: true,
    ...options,
  });
  return { status, stdout: output.text(), stderr: errors.text() };
}

/** A stream that fails as a closed pipe does. */
export function brokenPipe(): Writable {
  return new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
  });
}

function collector(isTTY: boolean) {
  const stream = Object.assign(new PassThrough(), { isTTY });
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}
