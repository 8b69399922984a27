/**
 * A PostgreSQL server of our own, from Debian's packages: its data in our directory, its socket in a closed one, no TCP.
 *
 * The head processes that use the directory look after it together. One of them holds the lock: it starts the server, starts it again
 * when it dies, and stops it when it ends itself; then another one takes over. A server that a killed head left behind is taken on.
 */
import { chmod, chown, mkdir, open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { namesIn } from '../../host/files/names-in.ts';
import { isSystemError } from '../../host/errors/errors.ts';
import { readFileIfPresent } from '../../host/files/atomic.ts';
import { tryLock, type Lock } from '../../host/lock/lock.ts';
import { launch, type Launched } from '../../host/run/launch.ts';
import { run } from '../../host/run/run.ts';
import { headErrors } from '../errors.ts';
import type { Database } from './database.ts';
import { openPostgres } from './postgres.ts';

const PACKAGED = '/usr/lib/postgresql';
const USER = 'postgres';
const DATABASE = 'zonewright';
const START_MILLISECONDS = 120_000;
const LOOK_MILLISECONDS = 2000;
const LARGEST_LOG = 16 * 1024 * 1024;

/** @throws PostgresMissing, PostgresFailed, and what opening any database throws */
export async function openPrivatePostgres(directory: string): Promise<Database> {
  const keeper = await openKeeper(directory);
  try {
    const database = await openPostgres(urlOf(directory, DATABASE));
    return {
      ...database,
      async close() {
        await database.close();
        await keeper.close();
      },
    };
  } catch (error) {
    await keeper.close();
    throw error;
  }
}

function urlOf(directory: string, database: string): string {
  return `postgresql://${USER}@${encodeURIComponent(join(directory, 'run'))}/${database}`;
}

async function openKeeper(directory: string): Promise<{ close(): Promise<void> }> {
  const ended = new AbortController();
  let lock: Lock | undefined;
  let server: Launched | undefined;
  /** As long as it lives, the server does: a new one every time would cost the server a process. */
  let line: pg.Client | undefined;

  /** Take the lock when it is free, and see that the server runs when it is ours. @returns whether it answers */
  const look = async (): Promise<boolean> => {
    lock ??= await tryLock({ scope: directory, name: 'postgres' });
    line ??= await connected(directory, () => (line = undefined));
    if (line) return true;
    if (!lock) return false;
    server?.letGo();
    server = await startServer(directory);
    return true;
  };
  const stop = async (): Promise<void> => {
    await line?.end().catch(() => undefined);
    if (lock) await stopServer(directory);
    server?.letGo();
    await lock?.release();
  };

  const deadline = Date.now() + START_MILLISECONDS;
  try {
    while (!(await look())) {
      if (Date.now() > deadline) throw headErrors.PostgresFailed({ directory, reason: 'another head process has the directory, and its server does not answer' });
      await sleep(LOOK_MILLISECONDS);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const keeping = (async () => {
    while (!ended.signal.aborted) {
      await sleep(LOOK_MILLISECONDS, undefined, { signal: ended.signal }).catch(() => undefined);
      // Who asks the database hears of what is wrong; the next look tries again.
      if (!ended.signal.aborted) await look().catch(() => undefined);
    }
  })();
  return {
    async close() {
      ended.abort();
      await keeping;
      await stop();
    },
  };
}

async function startServer(directory: string): Promise<Launched> {
  const owner = await ownerOf();
  const paths = { data: join(directory, 'data'), run: join(directory, 'run'), log: join(directory, 'postgres.log') };
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o700);
  if (owner) await chown(directory, owner.uid, owner.gid);
  await mkdir(paths.run, { recursive: true, mode: 0o700 });
  if (owner) await chown(paths.run, owner.uid, owner.gid);
  const version = (await readFileIfPresent(join(paths.data, 'PG_VERSION')))?.trim();
  const programs = await programsOf(version);
  if (version === undefined) {
    await run([...asOwner(owner), join(programs, 'initdb'), '--pgdata', paths.data, '--username', USER, '--encoding', 'UTF8', '--locale', 'C.UTF-8', '--auth-local', 'trust', '--auth-host', 'reject', '--no-instructions'], { cwd: '/' });
  }
  const log = await open(paths.log, (await sizeOf(paths.log)) > LARGEST_LOG ? 'w' : 'a', 0o600);
  try {
    const settings = { listen_addresses: '', unix_socket_directories: paths.run, unix_socket_permissions: '0700', max_connections: '300' };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const server = await launch([...asOwner(owner), join(programs, 'postgres'), '-D', paths.data, ...options], { log: log.fd });
    await untilReady(directory, { server, logPath: paths.log });
    await makeDatabase(directory);
    return server;
  } finally {
    await log.close();
  }
}

async function untilReady(directory: string, { server, logPath }: { readonly server: Launched; readonly logPath: string }): Promise<void> {
  let hasEnded = false;
  void server.ended.then(() => (hasEnded = true));
  const deadline = Date.now() + START_MILLISECONDS;
  while (!(await answers(directory))) {
    if (hasEnded || Date.now() > deadline) {
      await server.kill();
      const words = (await readFile(logPath, 'utf8')).trim().split('\n').slice(-3).join(' / ');
      throw headErrors.PostgresFailed({ directory, reason: words || 'it said nothing' });
    }
    await sleep(100);
  }
}

async function makeDatabase(directory: string): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf(directory, 'postgres') });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(DATABASE)}`);
  } finally {
    await client.end();
  }
}

/** Whether the server lets us in. */
async function answers(directory: string): Promise<boolean> {
  const client = await connected(directory, () => undefined);
  await client?.end().catch(() => undefined);
  return client !== undefined;
}

/**
 * A connection to the server; undefined when it does not let us in. Only the socket's directory keeps others out, so there is no password.
 * @param onEnd told when the connection has ended
 */
async function connected(directory: string, onEnd: () => void): Promise<pg.Client | undefined> {
  const client = new pg.Client({ connectionString: urlOf(directory, 'postgres'), connectionTimeoutMillis: 5000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    client.on('end', onEnd);
    return client;
  } catch {
    await client.end().catch(() => undefined);
    return undefined;
  }
}

/** End it at once and in order: what was committed is safe, whoever is connected is sent away. */
async function stopServer(directory: string): Promise<void> {
  const pid = Number((await readFileIfPresent(join(directory, 'data', 'postmaster.pid')))?.split('\n')[0] ?? Number.NaN);
  if (!Number.isInteger(pid) || pid <= 1) return;
  try {
    process.kill(pid, 'SIGINT');
    for (;;) {
      await sleep(50);
      // Its parent may be gone, so nobody tells us of its end.
      process.kill(pid, 0);
      if ((await readFileIfPresent(join(directory, 'data', 'postmaster.pid'))) === undefined) return;
    }
  } catch (error) {
    if (!isSystemError(error, 'ESRCH')) throw error;
  }
}

/** The newest installed version's programs, or those of the version that the data is of. */
async function programsOf(version: string | undefined): Promise<string> {
  const installed = await namesIn(PACKAGED);
  const chosen = version ?? installed.filter((name) => /^\d+$/.test(name)).toSorted((one, other) => Number(one) - Number(other)).at(-1);
  if (chosen === undefined || !installed.includes(chosen)) throw headErrors.PostgresMissing({ version: version === undefined ? '' : ` ${version}` });
  return join(PACKAGED, chosen, 'bin');
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL does not run as root: Debian's user of that name is there with its packages. Any other user runs it as itself. */
async function ownerOf(): Promise<Owner | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const entry = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':')).find(([name]) => name === USER);
  if (!entry) throw headErrors.PostgresMissing({ version: '' });
  return { uid: Number(entry[2]), gid: Number(entry[3]) };
}

function asOwner(owner: Owner | undefined): [string, ...string[]] | [] {
  return owner ? ['setpriv', `--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups', '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all', '--'] : [];
}


async function sizeOf(path: string): Promise<number> {
  return await stat(path).then(({ size }) => size, () => 0);
}
