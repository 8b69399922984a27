/**
 * Locks that die with their holder.
 *
 * A lock is an abstract unix socket bound by name: the kernel frees the name when the last process that holds the socket
 * is gone, however it went, so there is no lock file to clean up after a crash. Waiters connect to the socket and are
 * woken by the end of that connection, without polling.
 */
import { createHash } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSystemError } from '../errors/errors.ts';
import { hostErrors } from '../errors/host-errors.ts';

export interface Lock {
  /** The socket's descriptor: a program that inherits it keeps the lock held until it ends. */
  readonly descriptor: number;
  release(): Promise<void>;
}

export interface LockOptions {
  /** The directory whose state the lock guards: two nodes (or two tests) on one host never share a lock. */
  readonly scope: string;
  readonly name: string;
  /** What the holder does, for the message of one who waited in vain. */
  readonly action: string;
  /** Seconds to wait for another holder; 0 tries once. Default 300. */
  readonly waitSeconds?: number;
}

/** Take a lock, waiting for whoever has it. @throws LockTimeout */
export async function takeLock(options: LockOptions): Promise<Lock> {
  const deadline = Date.now() + (options.waitSeconds ?? 300) * 1000;
  for (;;) {
    const lock = await tryLock(options);
    if (lock) return lock;
    if (Date.now() >= deadline) {
      throw hostErrors.LockTimeout({ name: options.name, action: options.action, seconds: options.waitSeconds ?? 300 });
    }
    await holderGone(socketName(options), deadline);
  }
}

/** Take a lock when it is free; undefined when somebody holds it. */
export async function tryLock(options: Pick<LockOptions, 'scope' | 'name'>): Promise<Lock | undefined> {
  const waiters = new Set<Socket>();
  const server = createServer((socket) => {
    waiters.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => waiters.delete(socket));
  });
  try {
    await listen(server, socketName(options));
  } catch (error) {
    if (isSystemError(error, 'EADDRINUSE')) return undefined;
    throw error;
  }
  server.unref();
  return { descriptor: descriptorOf(server), release: () => close(server, waiters) };
}

/** Do `work` while holding a lock. */
export async function withLock<Result>(options: LockOptions, work: (lock: Lock) => Promise<Result>): Promise<Result> {
  const lock = await takeLock(options);
  try {
    return await work(lock);
  } finally {
    await lock.release();
  }
}

/** An abstract socket's name holds 107 bytes at most, so the scope and a long name enter as a digest. */
function socketName(options: Pick<LockOptions, 'scope' | 'name'>): string {
  const digest = createHash('sha256').update(`${options.scope}\0${options.name}`).digest('hex').slice(0, 32);
  return `\0zonewright-lock-${digest}`;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path, exclusive: true }, resolve);
  });
}

/** Node offers no public way to the descriptor of a listening socket; the handle has had this field since it exists. */
function descriptorOf(server: Server): number {
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  return fd;
}

function close(server: Server, waiters: Set<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const waiter of waiters) waiter.destroy();
  });
}

async function holderGone(path: string, deadline: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect({ path });
    const timer = setTimeout(() => socket.destroy(), Math.max(1, deadline - Date.now()));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
  // A dead holder's name can outlive it for a moment in a program that inherited the socket and accepts nobody.
  await sleep(5);
}
