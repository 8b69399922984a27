import { mkdtemp, readdir, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import bunyan from 'bunyan';
import type { Database } from '../../headnode/db/database.ts';
import { jobsMigration } from '../../headnode/db/migrations/010-jobs.ts';
import { imagesMigration } from '../../headnode/db/migrations/040-images.ts';
import { openDatabase } from '../../headnode/db/open-database.ts';
import { newApp, type App } from '../../headnode/http/app.ts';
import { listen, type Place } from '../../headnode/http/listen.ts';
import { OPERATOR, type RequestRole } from '../../headnode/http/roles.ts';
import { openImages, type OpenImages } from '../../headnode/images/open-images.ts';
import { routeImages } from '../../headnode/images/routes.ts';
import { openJobs, type OpenJobs } from '../../headnode/jobs/open-jobs.ts';
import type { ImageSource } from '../../imgadm/index.ts';

/** A head node's IMGAPI as it is, by itself: database in memory, files in a directory of its own, heard on loopback. */
export interface ImageServer {
  readonly url: string;
  readonly app: App;
  readonly images: OpenImages;
  readonly jobs: OpenJobs;
  readonly database: Database;
  readonly directory: string;
  /** Names in its directory of image files, but for the one where files arrive that it fetches. */
  stored(): Promise<string[]>;
  close(): Promise<void>;
}

export interface ImageServerOptions {
  readonly roleOf?: (request: IncomingMessage) => RequestRole | Promise<RequestRole>;
  readonly tls?: Place['tls'];
  /** Another head's, to share: then each has its own files. */
  readonly database?: Database;
  readonly directory?: string;
  readonly peers?: () => Promise<readonly ImageSource[]>;
}

/** Start one. */
export async function imageServer(options: ImageServerOptions = {}): Promise<ImageServer> {
  const directory = options.directory ?? (await mkdtemp(join(process.env['ZONEWRIGHT_SANDBOX'] ?? tmpdir(), 'head-')));
  const database = options.database ?? (await openDatabase({ kind: 'pglite' }, [jobsMigration, imagesMigration]));
  const jobs = await openJobs({ database, onError: () => undefined });
  const images = await openImages({ db: database, directory, jobs, ...(options.peers ? { peers: options.peers } : {}) });
  await jobs.begin();
  const app = newApp({ log: bunyan.createLogger({ name: 'test', level: bunyan.FATAL + 1 }), roleOf: options.roleOf ?? (() => OPERATOR) });
  app.get('/ping', { config: { node: 'any' } }, async () => ({ ping: 'pong', version: '1.0.0', imgapi: true }));
  routeImages(app, images);
  const listener = await listen(app, { at: { host: '127.0.0.1', port: 0 }, ...(options.tls ? { tls: options.tls } : {}) });
  return {
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${listener.address?.port ?? 0}`,
    app,
    images,
    jobs,
    database,
    directory,
    stored: async () => (await readdir(join(directory, 'images'))).filter((name) => name !== 'incoming').sort(),
    async close() {
      await listener.close();
      await app.close();
      await jobs.close();
      if (!options.database) await database.close();
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
    },
  };
}
