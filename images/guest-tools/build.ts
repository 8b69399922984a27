/**
 * The programs that guests read and write their metadata with, built by the host's compiler and kept in a cache under a
 * key of everything that goes into them, so that a second call returns at once.
 *
 * As a program: `build.ts`.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, link, mkdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from '../../host/lock/lock.ts';
import { run } from '../../host/run/run.ts';
import { GUEST_TOOL_NAMES, GUEST_TOOLS } from '../../vmadm/metadata/guest-tools.ts';

const SOURCES = ['mdata.c', 'codec.c', 'channel.c', 'protocol.c'];
const HEADERS = ['codec.h', 'channel.h', 'protocol.h'];
const COMPILE = ['gcc', '-std=gnu11', '-Os', '-static', '-s', '-Wall', '-Wextra', '-Werror'] as const;

/**
 * Build the guest tools, unless these very ones are built, and make them those that zones get from their next boot on.
 * @returns the directory that holds them: `mdata-get`, `mdata-put`, `mdata-list`, `mdata-delete`.
 * @throws CommandMissing without gcc, CommandFailed with its first words when it fails
 */
export async function buildGuestTools(): Promise<string> {
  const parent = join(GUEST_TOOLS, '..');
  const built = join(parent, key());
  if (existsSync(built) && (await currentTools()) === key()) return built;
  await mkdir(parent, { recursive: true, mode: 0o755 });
  await withLock({ scope: parent, name: 'guest-tools', action: 'build of the guest tools' }, async () => {
    if (!existsSync(built)) await compile(built);
    await pointTo(key());
  });
  return built;
}

function key(): string {
  const hash = createHash('sha256').update(`${process.arch}\0${COMPILE.join('\0')}`);
  for (const name of [...SOURCES, ...HEADERS]) hash.update(readFileSync(join(import.meta.dirname, name)));
  return hash.digest('hex').slice(0, 12);
}

async function compile(directory: string): Promise<void> {
  const work = `${directory}.new`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work);
  const [first = '', ...others] = GUEST_TOOL_NAMES;
  const program = join(work, first);
  await run([...COMPILE, '-o', program, ...SOURCES.map((name) => join(import.meta.dirname, name))]);
  for (const name of others) await link(program, join(work, name));
  // Zones run them as any of their users, under ids that are nobody's on the host.
  await chmod(program, 0o755);
  await chmod(work, 0o755);
  await rename(work, directory);
}

async function currentTools(): Promise<string | undefined> {
  return existsSync(GUEST_TOOLS) ? readlink(GUEST_TOOLS) : undefined;
}

async function pointTo(target: string): Promise<void> {
  const temporary = `${GUEST_TOOLS}.new`;
  await rm(temporary, { force: true });
  await symlink(target, temporary);
  await rename(temporary, GUEST_TOOLS);
}

if (import.meta.main) process.stdout.write(`${await buildGuestTools()}\n`);
