import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet } from './fleet.ts';

export interface Plan {
  readonly nodes: number;
  readonly seconds: number;
  say(line: string): void;
}

const AT_ONCE = 16;
const DEAD_SHARE = 10;

/** Let nodes join, watch them, give them work, lose some; say what was seen. */
export async function measure(fleet: Fleet, { nodes, seconds, say }: Plan): Promise<void> {
  const spoken = new Map<string, number[]>();
  fleet.onSpoken = (path, milliseconds) => {
    const kind = /(sysinfo|heartbeat|status)$/.exec(path)?.[1] ?? (path.startsWith('/vms') ? 'vms' : 'agents');
    spoken.set(kind, [...(spoken.get(kind) ?? []), milliseconds]);
  };

  const joined = await timed(() => inBatches(nodes, () => fleet.join()));
  say(`${nodes} nodes joined in ${inSeconds(joined)}: ${(nodes / (joined / 1000)).toFixed(1)} a second`);
  const registered = await timed(() => until(() => fleet.agents.every((agent) => agent.isConnected())));
  say(`all of them registered ${inSeconds(registered)} later`);
  await sayHead(fleet, say);

  spoken.clear();
  const busy = await cpuSeconds(fleet.pid);
  const watched = await timed(() => sleep(seconds * 1000));
  const used = (await cpuSeconds(fleet.pid)) - busy;
  say(`heartbeats and status for ${inSeconds(watched)}: ${((spoken.get('heartbeat')?.length ?? 0) / (watched / 1000)).toFixed(0)} heartbeats a second, ${((100 * used * 1000) / watched).toFixed(0)} % of one processor`);
  for (const [kind, times] of spoken) say(`  ${kind.padEnd(10)} ${spread(times)}`);
  await sayHead(fleet, say);

  const running = await fleet.ask<Array<{ uuid: string }>>('GET', '/servers?limit=1000');
  say(`a page of ${running.length} servers: ${(await timed(() => fleet.ask('GET', '/servers?limit=1000'))).toFixed(0)} ms`);

  const tasks: number[] = [];
  const all = await timed(() =>
    inBatches(fleet.agents.length, async (index) => {
      tasks.push(
        await timed(async () => {
          const { id } = await fleet.ask<{ id: string }>('POST', `/servers/${fleet.agents[index]?.uuid ?? ''}/nop`, {});
          const { status } = await fleet.ask<{ status: string }>('GET', `/tasks/${id}/wait?timeout=120`);
          if (status !== 'complete') throw new Error(`a task ended as ${status}`);
        }),
      );
    }),
  );
  say(`a task on each of ${fleet.agents.length} nodes, ${AT_ONCE} at a time: ${(fleet.agents.length / (all / 1000)).toFixed(1)} a second`);
  say(`  task       ${spread(tasks)}`);

  const dead = fleet.agents.splice(0, Math.ceil(nodes / DEAD_SHARE));
  await Promise.all(dead.map((agent) => agent.close()));
  const names = new Set(dead.map(({ uuid }) => uuid));
  const unknown = async (): Promise<string[]> => (await listed(fleet)).filter(({ status }) => status === 'unknown').map(({ uuid }) => uuid);
  const noticed = await timed(() => until(async () => (await unknown()).filter((uuid) => names.has(uuid)).length === dead.length));
  const wrong = (await unknown()).filter((uuid) => !names.has(uuid));
  say(`${dead.length} nodes died at once: all of them unknown after ${inSeconds(noticed)}; others thought dead: ${wrong.length}`);
}

async function listed(fleet: Fleet): Promise<Array<{ uuid: string; status: string }>> {
  const servers: Array<{ uuid: string; status: string }> = [];
  for (;;) {
    const page = await fleet.ask<Array<{ uuid: string; status: string }>>('GET', `/servers?limit=1000&offset=${servers.length}`);
    servers.push(...page);
    if (page.length < 1000) return servers;
  }
}

async function inBatches(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < count) await work(next++);
    }),
  );
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('it did not come true within two minutes');
    await sleep(100);
  }
}

async function sayHead({ pid }: Fleet, say: Plan['say']): Promise<void> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const mebibytes = (name: string): string => (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024).toFixed(0);
  say(`  head process: ${mebibytes('VmRSS')} MiB resident, ${mebibytes('VmHWM')} MiB at most`);
}

const TICKS_PER_SECOND = 100;

/** Of all its threads. */
async function cpuSeconds(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function spread(times: readonly number[]): string {
  const sorted = times.toSorted((one, other) => one - other);
  const at = (share: number): string => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
  return `${String(times.length).padStart(6)} ×   median ${at(0.5)} ms   99 % within ${at(0.99)} ms   longest ${at(1)} ms`;
}

function inSeconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
