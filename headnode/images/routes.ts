/** IMGAPI's paths on the internal app (reference/imgadm §3.3). Nodes may read all of it, since they run what belongs to anybody. */
import { z } from 'zod';
import type { App } from '../http/app.ts';
import { paramsOf, uuidParam } from '../http/params.ts';
import { askerOf } from '../http/roles.ts';
import type { WireObject } from '../services.ts';
import { imageErrors } from './errors.ts';
import { routeImageFiles } from './file-routes.ts';
import { plain, uuidOf } from './named-image.ts';
import type { OpenImages } from './open-images.ts';

const pathSchema = z.object({ uuid: z.string() });
const accountSchema = z.looseObject({ account: uuidParam.optional() });
const PAGE = 1000;
/** Queries that say how to do it and nothing of the image. */
const NOT_OF_IMAGES = ['action', 'account', 'channel', 'inclAdminFields', 'skip_owner_check', 'source'];

/** Register them. */
export function routeImages(app: App, images: OpenImages): void {
  const invalid = { config: { invalid: 'InvalidParameters' as const } };

  app.get('/images', { config: { node: 'any', ...invalid.config } }, async (request) => {
    const { inclAdminFields: _, channel: __, ...filter } = request.query as Record<string, unknown>;
    return await images.list({ limit: PAGE, ...filter });
  });

  app.get('/images/:uuid', { schema: { params: pathSchema }, config: { node: 'any', ...invalid.config } }, async (request, reply) => {
    const uuid = uuidOf(request.params);
    const image = await images.get(uuid, paramsOf(request, accountSchema));
    if (!image) throw imageErrors.ResourceNotFound({ uuid });
    return reply.send(image);
  });

  app.post('/images', invalid, async (request) => {
    const { action, account } = paramsOf(request, z.looseObject({ action: z.string().optional(), account: uuidParam.optional() }));
    if (action !== undefined) throw imageErrors.NotImplemented({ what: `action "${plain(action)}"` });
    return await images.create(bodyOf(request.body), account);
  });

  app.post('/images/:uuid', { schema: { params: pathSchema }, ...invalid }, async (request) => {
    const uuid = uuidOf(request.params);
    const { action, account, source } = paramsOf(request, z.looseObject({ action: z.string(), account: uuidParam.optional(), source: z.string().max(1024).optional() }));
    switch (action) {
      case 'import':
        return await images.importManifest(uuid, importBody(uuid, request.body));
      case 'import-remote': {
        if (source === undefined) throw imageErrors.InvalidParameter({ reason: 'source is required: the URL of the image server to import from' });
        const job = await images.importRemote(uuid, source, askerOf(request));
        return { image_uuid: uuid, job_uuid: job.uuid };
      }
      case 'activate':
        return await images.activate(uuid, account);
      case 'enable':
      case 'disable':
        return await images.enable(uuid, action === 'enable', account);
      case 'update':
        return await images.update(uuid, bodyOf(request.body), account);
      default:
        throw imageErrors.NotImplemented({ what: `action "${plain(action)}"` });
    }
  });

  app.post('/images/:uuid/acl', { schema: { params: pathSchema }, ...invalid }, async (request) => {
    const { action = 'add', account } = z.looseObject({ action: z.enum(['add', 'remove']).optional(), account: uuidParam.optional() }).parse(request.query);
    const accounts = z.array(uuidParam).max(10_000).parse(request.body);
    return await images.changeAcl(uuidOf(request.params), { [action]: accounts }, account);
  });

  app.delete('/images/:uuid', { schema: { params: pathSchema }, ...invalid }, async (request, reply) => {
    await images.remove(uuidOf(request.params), paramsOf(request, accountSchema).account);
    return reply.status(204).send();
  });

  routeImageFiles(app, images);
}

function bodyOf(body: unknown): WireObject {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw imageErrors.InvalidParameter({ reason: 'the body is not a JSON object' });
  return Object.fromEntries(Object.entries(body).filter(([field]) => !NOT_OF_IMAGES.includes(field)));
}

function importBody(uuid: string, body: unknown): WireObject {
  const manifest = bodyOf(body);
  if (manifest['uuid'] !== undefined && manifest['uuid'] !== uuid) throw imageErrors.InvalidParameter({ reason: `the manifest is that of image ${plain(String(manifest['uuid']))}, and the path names ${uuid}` });
  return manifest;
}
