import { z } from 'zod';
import { fileOptions } from '../../imgadm/cli/by-agent.ts';
import { findCommand } from '../../imgadm/cli/commands.ts';
import { performCommand } from '../../imgadm/cli/perform.ts';
import { getImage, listImages } from '../../imgadm/store/installed.ts';
import type { ImageNote } from '../client/remote-images.ts';
import { agentErrors } from '../errors.ts';
import { errorBody, presentable } from '../server/errors.ts';
import { answerWith } from '../server/perform.ts';
import type { RoutePlugin } from './route.ts';
import { ENGINE_ROLES, FAILURES } from './schemas.ts';

const roles = ENGINE_ROLES;
const tags = ['images'];
const imageSchema = z.looseObject({ manifest: z.looseObject({ uuid: z.string() }), zpool: z.string(), source: z.string().optional() });
const commands = z.enum(['list', 'show', 'get', 'ancestry', 'install', 'delete', 'import', 'update', 'sources', 'avail', 'vacuum']);
const optionSchema = z.union([z.string().max(4096), z.literal(true), z.array(z.string().max(4096)).max(64)]);

/** Images of this node. */
export const imageRoutes: RoutePlugin = (app, services) => {
  app.route({
    method: 'GET',
    url: '/images',
    config: { roles },
    schema: { tags, summary: 'All installed images', response: { 200: z.array(imageSchema), ...FAILURES } },
    handler: async () => plain(await listImages(services.node, (text) => services.log.warn(text))),
  });

  app.route({
    method: 'GET',
    url: '/images/:uuid',
    config: { roles },
    schema: { tags, summary: 'One installed image', params: z.object({ uuid: z.uuid() }), response: { 200: imageSchema, ...FAILURES } },
    handler: async ({ params: { uuid } }) => plain(await getImage(services.node, uuid, (text) => services.log.warn(text))),
  });

  app.route({
    method: 'POST',
    url: '/imgadm/:command',
    config: { roles: ['local'] },
    schema: {
      tags,
      summary: 'Perform a command of imgadm',
      description: 'With `application/x-ndjson` what it says comes as `{"note": {"say" | "warn" | "progress": text}}`.',
      params: z.object({ command: commands }),
      body: z.object({ options: z.record(z.string().max(64), optionSchema), args: z.array(z.string().max(4096)).max(1024), progress: z.boolean().default(false) }),
      response: { 200: z.looseObject({ kind: z.enum(['json', 'table', 'lines']) }), ...FAILURES },
    },
    handler: (request, reply) => {
      const { command } = request.params;
      const { options, args, progress } = request.body;
      for (const name of fileOptions(command)) if (options[name] !== undefined && !String(options[name]).startsWith('/')) throw agentErrors.RequestInvalid({ reason: `--${name} is not an absolute path` });
      return answerWith(services, { request, reply }, {
        verb: `image ${findCommand(command)?.name ?? command}`,
        async perform({ requestId, signal, tell }) {
          const note = (said: ImageNote): void => tell({ note: said });
          const { failure, ...answer } = await performCommand(services.node, { command, options, args }, {
            requestId,
            signal,
            say: (text) => note({ say: text }),
            warn: (text) => note({ warn: text }),
            showProgress: progress ? (text) => note({ progress: text }) : undefined,
          });
          return plain({ ...answer, ...(failure !== undefined && { failure: errorBody(presentable(failure, requestId)) }) });
        },
      });
    },
  });
};

/** Manifests are JSON already, only typed more narrowly than their description. */
function plain(value: unknown): never {
  return value as never;
}
