/** Image files over HTTP: streamed both ways, so that memory does not depend on their size. */
import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { App } from '../http/app.ts';
import { paramsOf, uuidParam } from '../http/params.ts';
import { rangeOf } from '../http/range.ts';
import { imageErrors } from './errors.ts';
import type { OpenImages } from './open-images.ts';
import { uuidOf } from './named-image.ts';

const pathSchema = z.object({ uuid: z.string() });
const readSchema = z.looseObject({ account: uuidParam.optional(), index: z.enum(['0']).optional() });
const uploadSchema = z.looseObject({
  account: uuidParam.optional(),
  compression: z.enum(['gzip', 'bzip2', 'xz', 'zstd', 'none']),
  sha1: z.string().regex(/^[0-9a-f]{40}$/, { error: 'not a sha1' }).optional(),
  dataset_guid: z.string().regex(/^\d{1,20}$/, { error: 'not a ZFS guid' }).optional(),
});

/** Register them. */
export function routeImageFiles(app: App, images: OpenImages): void {
  app.get('/images/:uuid/file', { schema: { params: pathSchema }, config: { node: 'any', invalid: 'InvalidParameters' } }, async (request, reply) => {
    const uuid = uuidOf(request.params);
    const { account } = paramsOf(request, readSchema);
    const { facts, read } = await images.findFile(uuid, { account, localOnly: request.role.kind === 'head' });
    const etag = `"${facts.sha1}"`;
    reply.header('accept-ranges', 'bytes').header('etag', etag).type('application/octet-stream');
    // A range of what was once there is not a range of what is there now.
    const stale = request.headers['if-range'] !== undefined && request.headers['if-range'] !== etag;
    const range = stale ? undefined : rangeOf(request.headers.range, facts.size);
    if (range === 'beyond') {
      reply.header('content-range', `bytes */${facts.size}`);
      throw imageErrors.RequestedRangeNotSatisfiable({ uuid, size: facts.size });
    }
    if (!range) return reply.header('content-md5', facts.md5).header('content-length', facts.size).send(await read());
    reply.status(206).header('content-range', `bytes ${range.start}-${range.end}/${facts.size}`).header('content-length', range.end - range.start + 1);
    return reply.send(await read(range));
  });

  app.register(async (scope) => {
    // Here the body is a stream, whatever its type is said to be.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    (scope as unknown as App).put('/images/:uuid/file', { schema: { params: pathSchema }, config: { invalid: 'InvalidParameters' } }, async (request) => {
      const uuid = uuidOf(request.params);
      const { account, compression, sha1, dataset_guid: datasetGuid } = uploadSchema.parse(request.query);
      const length = request.headers['content-length'];
      // Without a body there is no type either, and then nothing was parsed.
      const stream = (request.body ?? request.raw) as Readable;
      return await images.addFile({ uuid, stream, sha1, size: length === undefined ? undefined : Number(length) }, { compression, datasetGuid }, account);
    });
  });
}
