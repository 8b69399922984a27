/**
 * What machines fetch while they boot, over plain HTTP on the admin network: scripts, platform files, boot modules. All of it is public,
 * and who asks for anything else learns nothing.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type Logger from 'bunyan';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { isSystemError } from '../../host/errors/errors.ts';
import type { App } from '../http/app.ts';
import { rangeOf } from '../http/range.ts';
import { mac as macSchema } from '../networks/values.ts';
import { LOADERS } from './dnsmasq-config.ts';
import { listPlatforms } from './platforms.ts';

export interface BootAnswers {
  /** The script that DHCP names. */
  first(): string;
  /** A machine's script; undefined when it is none of ours. @param from the address that asks */
  script(mac: string, from: string): Promise<string | undefined>;
  /** A machine's boot modules by name, as an archive under `modules.cpio`. */
  modules(mac: string): ReadonlyMap<string, Uint8Array> | undefined;
}

export interface BootAppOptions {
  readonly log: Logger;
  readonly answers: BootAnswers;
  /** Directories of the platform images, and of the boot loaders. */
  readonly platforms: string;
  readonly loaders: string;
}

const PLATFORM_FILES = new Set(['vmlinuz', 'initramfs', 'packages.txt', 'manifest.json', 'manifest.json.sig', 'sha256sums']);
const LOADER_FILES = new Set<string>(Object.values(LOADERS));

export function newBootApp({ log, answers, platforms, loaders }: BootAppOptions): App {
  const app = Fastify({ logger: false, bodyLimit: 1024, requestTimeout: 0, exposeHeadRoutes: false, routerOptions: { maxParamLength: 128 } });
  app.setErrorHandler((error, request, reply) => {
    log.error({ err: error, path: request.url }, 'a booting machine could not be answered');
    return reply.status(503).type('text/plain').send('try again\n');
  });
  app.setNotFoundHandler((_request, reply) => nothing(reply));
  app.addHook('onResponse', async (request, reply) => log.info({ from: request.ip, method: request.method, path: request.url, status: reply.statusCode }, 'boot'));

  app.get<{ Querystring: { mac?: unknown } }>('/boot.ipxe', async ({ query, ip }, reply) => (query.mac === undefined ? text(reply, answers.first()) : await script(reply, query.mac, ip)));
  app.get<{ Params: { name: string } }>('/:name', async ({ params: { name }, ip }, reply) => await script(reply, /^boot\.ipxe\.01([0-9A-Fa-f]{12})$/.exec(name)?.[1], ip));
  app.get<{ Params: { mac: string; '*': string } }>('/bootfs/:mac/*', async ({ params }, reply) => {
    const mac = macSchema.safeParse(params.mac).data;
    const content = mac === undefined ? undefined : answers.modules(mac)?.get(params['*']);
    return content ? reply.type('application/octet-stream').send(Buffer.from(content)) : nothing(reply);
  });
  app.get('/os/index.json', async () => ({ platforms: Object.keys(await listPlatforms(platforms, { withOs: false })) }));
  app.route<{ Params: { stamp: string; file: string } }>({
    method: ['GET', 'HEAD'],
    url: '/os/:stamp/platform/x86_64/:file',
    handler: async (request, reply) => {
      const { stamp, file } = request.params;
      return /^\d{8}T\d{6}Z$/.test(stamp) && PLATFORM_FILES.has(file) ? await sendFile(join(platforms, stamp, 'platform/x86_64', file), request, reply) : nothing(reply);
    },
  });
  app.route<{ Params: { file: string } }>({
    method: ['GET', 'HEAD'],
    url: '/loaders/:file',
    handler: async (request, reply) => (LOADER_FILES.has(request.params.file) ? await sendFile(join(loaders, request.params.file), request, reply) : nothing(reply)),
  });
  return app as unknown as App;

  async function script(reply: FastifyReply, mac: unknown, from: string): Promise<FastifyReply> {
    const checked = macSchema.safeParse(mac).data;
    const found = checked === undefined ? undefined : await answers.script(checked, from.replace(/^::ffff:/, ''));
    return found === undefined ? nothing(reply) : text(reply, found);
  }
}

function text(reply: FastifyReply, content: string): FastifyReply {
  return reply.type('text/plain').header('cache-control', 'no-store').send(content);
}

/** The same for whatever is not there. */
function nothing(reply: FastifyReply): FastifyReply {
  return reply.status(404).type('text/plain').send('not found\n');
}

/** A file whole or a range of it, in constant memory. */
async function sendFile(path: string, { headers, method }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  });
  if (!file) return nothing(reply);
  try {
    const { size } = await file.stat();
    const range = rangeOf(headers.range, size);
    reply.header('accept-ranges', 'bytes').type('application/octet-stream');
    if (range === 'beyond') {
      await file.close();
      return reply.status(416).header('content-range', `bytes */${size}`).send();
    }
    const { start, end } = range ?? { start: 0, end: size - 1 };
    reply.header('content-length', end - start + 1);
    if (range) reply.status(206).header('content-range', `bytes ${start}-${end}/${size}`);
    if (method === 'HEAD' || size === 0) {
      await file.close();
      return reply.send();
    }
    return reply.send(createReadStream('', { fd: file, start, end, highWaterMark: 256 * 1024 }));
  } catch (error) {
    await file.close();
    throw error;
  }
}
