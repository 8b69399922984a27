/** A Debian host with systemd, in namespaces of its own in the sandbox. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run, type RunResult } from '../../../host/run/run.ts';
import { guestRoot } from './guest-root.ts';

const BOOT = new URL('boot-guest.sh', import.meta.url).pathname;
const ANY_STATUS = Array.from({ length: 256 }, (_, status) => status);
const BOOT_SECONDS = 120;
const PATIENCE_SECONDS = 120;

export interface Guest {
  /** Run a bash script as its root, whatever comes of it. */
  run(script: string): Promise<RunResult>;
  /** Run a bash script that must succeed. @returns what it printed */
  must(script: string): Promise<string>;
  /** Wait until a bash script succeeds. @returns what it printed then */
  until(script: string): Promise<string>;
  /** Take its power away and boot it again. */
  powerCycle(): Promise<void>;
  /** Tell it to go down, and boot it again. */
  reboot(): Promise<void>;
  end(): Promise<void>;
}

/** Boot one. @param shared the directory that it sees as /mnt */
export async function bootGuest(shared: string): Promise<Guest> {
  const root = await guestRoot();
  const sandbox = process.env['ZONEWRIGHT_SANDBOX'];
  if (sandbox === undefined) throw new Error('this runs in the sandbox: test/sandbox/enter.sh');
  const scratch = await mkdtemp(join(sandbox, 'guest-'));
  let host = await start(root, scratch, shared);
  const inside = (script: string): Promise<RunResult> =>
    run(['nsenter', '--target', String(host.init), '--mount', '--pid', '--net', '--ipc', '--uts', '--cgroup', '--root', '--wd', 'bash', '-c', script], {
      environment: { HOME: '/root', DEBIAN_FRONTEND: 'noninteractive', PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
      timeout: 300_000,
      acceptExitCodes: ANY_STATUS,
    });
  return {
    run: inside,
    async must(script) {
      const { exitCode, stdout, stderr } = await inside(`set -euo pipefail\n${script}`);
      if (exitCode !== 0) throw new Error(`${script}\nended with ${exitCode}:\n${stdout}${stderr}`);
      return stdout;
    },
    async until(script) {
      const deadline = Date.now() + PATIENCE_SECONDS * 1000;
      for (;;) {
        const { exitCode, stdout, stderr } = await inside(script);
        if (exitCode === 0) return stdout;
        if (Date.now() > deadline) throw new Error(`not within ${PATIENCE_SECONDS} seconds: ${script}\n${stdout}${stderr}`);
        await sleep(200);
      }
    },
    async powerCycle() {
      await host.kill();
      host = await start(root, scratch, shared);
    },
    async reboot() {
      await inside('systemctl poweroff');
      await host.ended;
      host = await start(root, scratch, shared);
    },
    async end() {
      await host.kill();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

interface Host {
  /** Its first process, as we see it. */
  readonly init: number;
  kill(): Promise<void>;
  /** Done when it has gone down. */
  readonly ended: Promise<unknown>;
}

async function start(root: string, scratch: string, shared: string): Promise<Host> {
  await rm(join(scratch, 'work'), { recursive: true, force: true });
  await mkdir(join(scratch, 'work'));
  const child = spawn(BOOT, [root, scratch, shared], { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = once(child, 'exit');
  const kill = async (): Promise<void> => {
    const first = await firstProcess(child.pid ?? 0);
    child.kill('SIGKILL');
    await ended;
    // The first process of a namespace is gone when all others are.
    while (/^\d+ \([^)]*\) [^Z]/.test(await readIfAlive(`/proc/${first}/stat`))) await sleep(20);
  };
  try {
    const init = await readyInit(child.pid ?? 0);
    return { init, kill, ended };
  } catch (error) {
    await kill();
    throw error;
  }
}

/** The guest's first process, once it is systemd and has started everything. */
async function readyInit(parent: number): Promise<number> {
  const deadline = Date.now() + BOOT_SECONDS * 1000;
  while (Date.now() < deadline) {
    const init = await firstProcess(parent);
    if (init > 0 && (await readIfAlive(`/proc/${init}/comm`)) === 'systemd\n') {
      const { stdout } = await run(['nsenter', '--target', String(init), '--mount', '--pid', '--root', '--wd', 'systemctl', 'is-system-running'], { acceptExitCodes: ANY_STATUS });
      if (/^(running|degraded)$/.test(stdout.trim())) return init;
    }
    await sleep(50);
  }
  throw new Error(`the guest has not booted within ${BOOT_SECONDS} seconds`);
}

/** 0 when there is none yet. */
async function firstProcess(parent: number): Promise<number> {
  return Number((await readIfAlive(`/proc/${parent}/task/${parent}/children`)).trim().split(' ')[0]);
}

async function readIfAlive(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
