/**
 * dnsmasq as a child of the head process: DHCP and TFTP on the admin interface. It is started again when it dies, told when machines
 * change (a signal, nothing is dropped), and started anew when the network does. One that a killed head process left behind is ended first.
 */
import { chmod, open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type Logger from 'bunyan';
import { isSystemError } from '../../host/errors/errors.ts';
import { readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';
import { launch, type Launched } from '../../host/run/launch.ts';
import { headErrors } from '../errors.ts';

const PROGRAM = '/usr/sbin/dnsmasq';
const LARGEST_LOG = 8 * 1024 * 1024;

export interface Dnsmasq {
  /** Bring about that it runs with these. @throws BootServiceFailed when it has ended by itself since the last time */
  apply(wanted: { readonly config: string; readonly hosts: string }): Promise<void>;
  close(): Promise<void>;
}

/** @param directory where its files are; it is the head's own, and the user that dnsmasq becomes can pass through it */
export function openDnsmasq({ directory, log }: { readonly directory: string; readonly log: Logger }): Dnsmasq {
  const files = { config: join(directory, 'dnsmasq.conf'), hosts: join(directory, 'hosts'), pid: join(directory, 'dnsmasq.pid'), log: join(directory, 'dnsmasq.log') };
  let running: { readonly program: Launched; readonly config: string; hosts: string; ended: boolean } | undefined;

  const stop = async (): Promise<void> => {
    if (running && !running.ended) await endInOrder(running.program);
    running = undefined;
  };
  const start = async (config: string, hosts: string): Promise<void> => {
    await endLeftBehind(files);
    await writeForDnsmasq(files.config, config);
    await writeForDnsmasq(files.hosts, hosts);
    const output = await open(files.log, 'a', 0o600);
    try {
      const program = await launch([PROGRAM, '--keep-in-foreground', `--conf-file=${files.config}`], { log: output.fd });
      const started = { program, config, hosts, ended: false };
      running = started;
      void program.ended.then(() => (started.ended = true));
      await writeFileAtomically(files.pid, `${program.pid}\n`, { durable: false });
      log.info({ dnsmasq: program.pid }, 'dnsmasq was started');
    } finally {
      await output.close();
    }
  };

  return {
    async apply({ config, hosts }) {
      await limitLog(files.log);
      if (running?.ended) {
        running = undefined;
        throw headErrors.BootServiceFailed({ reason: `dnsmasq ended: ${await lastWords(files.log)}` });
      }
      if (!running || running.config !== config) {
        await stop();
        await start(config, hosts);
      } else if (running.hosts !== hosts) {
        await writeForDnsmasq(files.hosts, hosts);
        running.hosts = hosts;
        process.kill(running.program.pid, 'SIGHUP');
      }
    },
    close: stop,
  };
}

/** It writes its leases before it goes; one that does not go is ended. */
async function endInOrder(program: Launched): Promise<void> {
  const impatience = setTimeout(() => void program.kill(), STOP_MILLISECONDS);
  process.kill(program.pid, 'SIGTERM');
  await program.ended;
  clearTimeout(impatience);
}

const STOP_MILLISECONDS = 5000;

/** It reads its files again as a user without rights. */
async function writeForDnsmasq(path: string, text: string): Promise<void> {
  await writeFileAtomically(path, text, { durable: false, mode: 0o644 });
  // Our mask of modes may have taken the others' bit away.
  await chmod(path, 0o644);
}

async function endLeftBehind({ pid: pidFile, config }: { readonly pid: string; readonly config: string }): Promise<void> {
  const pid = Number((await readFileIfPresent(pidFile)) ?? Number.NaN);
  if (!Number.isInteger(pid) || pid <= 1) return;
  // The number may be another program's by now.
  const words = (await readFileIfPresent(`/proc/${pid}/cmdline`).catch(() => undefined))?.split('\0') ?? [];
  if (!words.includes(`--conf-file=${config}`)) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!isSystemError(error, 'ESRCH')) throw error;
  }
}

async function limitLog(path: string): Promise<void> {
  const size = await stat(path).then((facts) => facts.size, () => 0);
  if (size <= LARGEST_LOG) return;
  const file = await open(path, 'r+');
  await file.truncate(0).finally(() => file.close());
}

async function lastWords(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trim().split('\n').slice(-2).join(' / ') || 'it said nothing';
}

/** Debian's user for it; where there is none, nobody. */
export async function dnsmasqUser(): Promise<string> {
  const names = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':')[0]);
  return names.includes('dnsmasq') ? 'dnsmasq' : 'nobody';
}
