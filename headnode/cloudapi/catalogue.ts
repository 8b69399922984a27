/** What an account can make instances of: images and packages. */
import { z } from 'zod';
import { headErrors } from '../errors.ts';
import type { App } from '../http/app.ts';
import { booleanParam, paramsOf } from '../http/params.ts';
import type { Package, Packages, Images, WireObject } from '../services.ts';
import { accountOf } from './authenticate.ts';
import type { CloudApiServices } from './routes.ts';

const imageSchema = z.object({ image: z.string() });
const packageSchema = z.object({ package: z.string() });
const imageFilter = z.object({
  name: z.string().optional(),
  os: z.string().optional(),
  version: z.string().optional(),
  type: z.string().optional(),
  owner: z.string().optional(),
  state: z.enum(['active', 'unactivated', 'disabled', 'creating', 'failed', 'all']).default('active'),
  public: booleanParam.optional(),
});
/** Fields of a package that a list can be narrowed by, and what PAPI calls them. */
const PACKAGE_FIELDS = { name: 'name', memory: 'max_physical_memory', disk: 'quota', swap: 'max_swap', lwps: 'max_lwps', vcpus: 'vcpus', version: 'version', group: 'group' } as const;

export function routeCatalogue(app: App, { images, packages }: CloudApiServices): void {
  app.get('/:account/images', async (request) => {
    const filter = paramsOf(request, imageFilter);
    return (await images.list({ ...filter, account: accountOf(request).uuid })).map(imageToWire);
  });

  app.get('/:account/images/:image', { schema: { params: imageSchema } }, async (request) => {
    return imageToWire(await imageFor(images, request.params.image, accountOf(request).uuid));
  });

  app.get('/:account/packages', async (request, reply) => {
    const query = request.query as Readonly<Record<string, unknown>>;
    const match = Object.fromEntries(Object.entries(PACKAGE_FIELDS).flatMap(([field, property]) => (query[field] === undefined ? [] : [[property, String(query[field])]])));
    const found = await packages.list({ active: true, ownerUuid: accountOf(request).uuid, match });
    return reply.header('x-resource-count', found.packages.length).send(found.packages.map(packageToWire));
  });

  app.get('/:account/packages/:package', { schema: { params: packageSchema } }, async (request) => {
    return packageToWire(await packageFor(packages, request.params.package, accountOf(request).uuid));
  });
}

/** An image that an account may see. @throws ResourceNotFound */
export async function imageFor(images: Images, uuid: string, account: string): Promise<WireObject> {
  const image = await images.get(uuid, { account });
  if (!image) throw headErrors.ResourceNotFound({ what: `image ${uuid}` });
  return image;
}

/** A package that an account may use, by uuid or name. @throws ResourceNotFound */
export async function packageFor(packages: Packages, idOrName: string, account: string): Promise<Package> {
  const found = await packages.get(idOrName);
  const owners = (found?.['owner_uuids'] ?? []) as readonly string[];
  if (!found || (owners.length > 0 && !owners.includes(account))) throw headErrors.ResourceNotFound({ what: `package ${idOrName}` });
  return found;
}

function imageToWire(image: WireObject): WireObject {
  const { uuid, name, version, os, type, state, owner, published_at, requirements, files, description, homepage, tags, error, acl, image_size, origin } = image;
  const told = { description, homepage, tags, error, acl, image_size, origin, published_at };
  return {
    id: uuid,
    name,
    version,
    os,
    type,
    state,
    owner,
    public: image['public'] === true,
    requirements: requirements ?? {},
    files: ((files ?? []) as readonly WireObject[]).map(({ compression, sha1, size }) => ({ compression, sha1, size })),
    ...Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined)),
  };
}

function packageToWire({ uuid, name, version, group, description, brand, ...rest }: Package): WireObject {
  return {
    id: uuid,
    name,
    version,
    memory: rest['max_physical_memory'],
    disk: rest['quota'],
    swap: rest['max_swap'],
    vcpus: rest['vcpus'] ?? 0,
    lwps: rest['max_lwps'],
    default: rest['default'] ?? false,
    ...Object.fromEntries(Object.entries({ group, description, brand }).filter(([, value]) => value !== undefined)),
  };
}
