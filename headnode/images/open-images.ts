/**
 * Images (IMGAPI, reference/imgadm §3): manifests in the database, files on the disk of the head that took them. A head that
 * is asked for a file of another's fetches it from there by the code that nodes import with, and keeps it.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { isUuid } from '../../host/config/units.ts';
import { isErrorCode } from '../../host/errors/errors.ts';
import { openImageServer, type ImageSource } from '../../imgadm/index.ts';
import type { Database, Queries } from '../db/database.ts';
import type { Asker, Images, Job, Jobs, WireObject } from '../services.ts';
import { imageErrors } from './errors.ts';
import { openImageFiles, type Incoming, type StoredFile } from './files.ts';
import { listImages } from './list.ts';
import { changedManifest, inState, manifestFile, newManifest } from './manifest.ts';
import { fetchFromPeers } from './peers.ts';
import { defineRemoteImport, REMOTE_IMPORT } from './remote-import.ts';
import { deleteImage, dependentImages, insertImage, isFileUsed, isVisible, readImage, writeImage, type ImageRow, type Manifest } from './rows.ts';

export interface ImagesOptions {
  readonly db: Database;
  /** The head's own; images lie in a directory below it. */
  readonly directory: string;
  /** For imports from other servers, which take their time. Without it they are not to be had. */
  readonly jobs?: Pick<Jobs, 'define' | 'start'>;
  /** The other head nodes, to ask for files that are not on this one. */
  readonly peers?: () => Promise<readonly ImageSource[]>;
}

/** What a file is besides its bytes. */
export interface FileFacts {
  readonly compression: string;
  readonly datasetGuid?: string | undefined;
}

/** A file as it is stored, to be read in whole or in part. */
export interface OpenFile {
  readonly facts: StoredFile;
  read(range?: { readonly start: number; readonly end: number }): Promise<Readable>;
}

export interface OpenImages extends Images {
  create(input: WireObject, account: string | undefined): Promise<Manifest>;
  /** As `create`, with the image's own uuid and date of publication. */
  importManifest(uuid: string, input: WireObject): Promise<Manifest>;
  importRemote(uuid: string, source: string, asker: Asker): Promise<Job>;
  addFile(incoming: Incoming, facts: FileFacts, account: string | undefined): Promise<Manifest>;
  /** @param localOnly not to ask other heads, because one of them asks */
  findFile(uuid: string, options: { readonly account?: string | undefined; readonly localOnly?: boolean }): Promise<OpenFile>;
  activate(uuid: string, account?: string): Promise<Manifest>;
  enable(uuid: string, enabled: boolean, account?: string): Promise<Manifest>;
  update(uuid: string, changes: WireObject, account?: string): Promise<Manifest>;
  changeAcl(uuid: string, change: { readonly add?: readonly string[]; readonly remove?: readonly string[] }, account?: string): Promise<Manifest>;
  remove(uuid: string, account?: string): Promise<void>;
}

/** Open the images of a database that has been migrated. */
export async function openImages({ db, directory, jobs, peers = async () => [] }: ImagesOptions): Promise<OpenImages> {
  const files = await openImageFiles(join(directory, 'images'), (sha256) => isFileUsed(db, sha256));
  jobs?.define(defineRemoteImport({ db, files }));

  const change = (uuid: string, account: string | undefined, work: (row: ImageRow, queries: Queries) => Promise<ImageRow>): Promise<Manifest> =>
    db.transaction(
      async (queries) => {
        const next = await work(owned(await readImage(queries, uuid, true), uuid, account), queries);
        await writeImage(queries, next);
        return next.manifest;
      },
      { isolation: 'read committed' },
    );
  const insert = (manifest: Manifest): Promise<Manifest> =>
    db.transaction(async (queries) => {
      if (manifest.origin !== undefined && !(await readImage(queries, manifest.origin))) throw imageErrors.OriginDoesNotExist({ uuid: manifest.origin });
      await insertImage(queries, manifest);
      return manifest;
    });

  return {
    list: (filter) => listImages(db, filter, 10_000),
    get: async (uuid, { account } = {}) => visible(isUuid(uuid) ? await readImage(db, uuid) : undefined, account)?.manifest,
    async openFile(uuid) {
      const row = isUuid(uuid) ? await readImage(db, uuid) : undefined;
      if (!row?.file) return undefined;
      if (!(await files.has(row.file.sha256))) await fetchFromPeers({ row, files, peers: await peers() });
      return { stream: await files.read(row.file.sha256), size: row.file.size, sha1: row.file.sha1 };
    },
    async findFile(uuid, { account, localOnly = false }) {
      const row = visible(await readImage(db, uuid), account);
      if (!row?.file) throw imageErrors.ResourceNotFound({ uuid });
      const facts = row.file;
      if (!(await files.has(facts.sha256))) await fetchFromPeers({ row, files, peers: localOnly ? [] : await peers() });
      return { facts, read: (range) => files.read(facts.sha256, range) };
    },

    async create(input, account) {
      const uuid = randomUUID();
      const { published_at: _, ...rest } = input;
      if (account !== undefined && (input['owner'] ?? account) !== account) throw imageErrors.NotImageOwner({ account, uuid });
      return insert(await newManifest(rest, { uuid, owner: account, state: 'unactivated' }));
    },
    importManifest: async (uuid, input) => insert(await newManifest(input, { uuid, state: 'unactivated' })),
    async importRemote(uuid, source, asker) {
      if (!jobs) throw imageErrors.NotImplemented({ what: 'import-remote on this head node' });
      if (await readImage(db, uuid)) throw imageErrors.ImageUuidAlreadyExists({ uuid });
      await requireUrl(source);
      return jobs.start(REMOTE_IMPORT, { params: { image_uuid: uuid, source }, lock: `image:${uuid}`, asker });
    },

    async addFile(incoming, { compression, datasetGuid }, account) {
      const { uuid } = incoming;
      requireChangeable(owned(await readImage(db, uuid), uuid, account));
      let changed: Manifest | undefined;
      let before: StoredFile | null | undefined;
      await files.take(incoming, async (file) => {
        changed = await change(uuid, account, async (row) => {
          before = requireChangeable(row).file;
          return { manifest: { ...row.manifest, files: [{ ...manifestFile(file), compression, ...(datasetGuid === undefined ? {} : { dataset_guid: datasetGuid }) }] }, file };
        });
      });
      if (before) await files.removeUnused(before.sha256);
      if (!changed) throw new Error('the file was taken and not kept');
      return changed;
    },

    activate: (uuid, account) =>
      change(uuid, account, async ({ manifest, file }, queries) => {
        if (manifest.state !== 'unactivated') throw imageErrors.ImageAlreadyActivated({ uuid });
        if (!file) throw imageErrors.NoActivationNoFile({ uuid });
        await requireActiveOrigin(queries, manifest.origin);
        return { manifest: { ...inState(manifest, 'active'), published_at: manifest['published_at'] ?? new Date().toISOString() }, file };
      }),
    enable: (uuid, enabled, account) =>
      change(uuid, account, async ({ manifest, file }) => {
        if (manifest.state !== 'active' && manifest.state !== 'disabled') throw imageErrors.InvalidParameter({ reason: `image ${uuid} is ${manifest.state}; only one that has been activated can be enabled and disabled` });
        return { manifest: inState(manifest, enabled ? 'active' : 'disabled'), file };
      }),
    update: (uuid, changes, account) => change(uuid, account, async ({ manifest, file }) => ({ manifest: await changedManifest(manifest, changes), file })),
    changeAcl: (uuid, { add = [], remove = [] }, account) =>
      change(uuid, account, async ({ manifest, file }) => {
        const acl = [...new Set([...(manifest.acl ?? []), ...add])].filter((one) => !remove.includes(one));
        return { manifest: await changedManifest(manifest, { acl }), file };
      }),
    async remove(uuid, account) {
      const row = owned(await readImage(db, uuid), uuid, account);
      await db.transaction(async (queries) => {
        const dependents = await dependentImages(queries, uuid);
        if (dependents.length > 0) throw imageErrors.ImageHasDependentImages({ uuid, dependents: dependents.join(', ') });
        await deleteImage(queries, uuid);
      });
      if (row.file) await files.removeUnused(row.file.sha256);
    },
  };
}

function visible(row: ImageRow | undefined, account: string | undefined): ImageRow | undefined {
  return row && (account === undefined || isVisible(row.manifest, account)) ? row : undefined;
}

/** An image that may be changed by who asks. @throws ResourceNotFound, NotImageOwner */
function owned(row: ImageRow | undefined, uuid: string, account: string | undefined): ImageRow {
  const seen = visible(row, account);
  if (!seen) throw imageErrors.ResourceNotFound({ uuid });
  if (account !== undefined && seen.manifest.owner !== account) throw imageErrors.NotImageOwner({ account, uuid });
  return seen;
}

function requireChangeable(row: ImageRow): ImageRow {
  if (row.manifest.state !== 'unactivated') throw imageErrors.ImageFilesImmutable({ uuid: row.manifest.uuid });
  return row;
}

/** A URL that cannot be one is told at once, and not by a job that fails. */
async function requireUrl(source: string): Promise<void> {
  try {
    await (await openImageServer({ type: 'imgapi', url: source })).close();
  } catch (error) {
    if (isErrorCode(error, 'InvalidArgument')) throw imageErrors.InvalidParameter({ reason: error.message });
    throw error;
  }
}

async function requireActiveOrigin(queries: Queries, origin: string | undefined): Promise<void> {
  if (origin === undefined) return;
  const row = await readImage(queries, origin);
  if (!row) throw imageErrors.OriginDoesNotExist({ uuid: origin });
  if (row.manifest.state !== 'active') throw imageErrors.OriginIsNotActive({ uuid: origin });
}
