/** What the agent takes while nothing happens, with more and more running zones; and LXD's daemon beside it. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { benchmarkLxd, LXD, openLxd } from '../contenders/lxd.ts';
import { benchNode, OURS, ourZones } from '../contenders/our-node.ts';
import { nextWish, type ZoneWish } from '../contenders/zone.ts';
import { calibrate } from '../measure/noise.ts';
import type { Session } from '../measure/session.ts';
import { fewAtATime } from './burst.ts';

const COUNTS = [0, 50, 200];
const LXD_COUNT = 20;
const WINDOWS = 5;
const WINDOW_SECONDS = 5;
/** What a burst of creates leaves to do is not rest. */
const SETTLE_SECONDS = 5;

const AGENT = 'agent';
const LXD_NAME = `${LXD}'s daemon, ${LXD_COUNT} instances`;

export async function measureAgent(session: Session): Promise<void> {
  const bench = await benchNode(session, { megabytes: 32_768 });
  const zones = ourZones(bench, OURS);
  const lxd = await openLxd(session);
  session.progress(`LXD: ${LXD_COUNT} instances`);
  await benchmarkLxd(lxd, 'launch', LXD_COUNT);
  const pids = { [AGENT]: bench.agent.pid, [LXD_NAME]: lxd.pid };
  const wishes: ZoneWish[] = [];
  for (const count of session.quick ? COUNTS.slice(0, 2) : COUNTS) {
    session.progress(`${count} running zones`);
    const more = Array.from({ length: count - wishes.length }, nextWish);
    await fewAtATime(more, (wish) => zones.create(wish));
    wishes.push(...more);
    await sleep(SETTLE_SECONDS * 1000);
    const shares: Record<string, number[]> = { [AGENT]: [], [LXD_NAME]: [] };
    const memory: Record<string, number[]> = { [AGENT]: [], [LXD_NAME]: [] };
    for (let window = 0; window < WINDOWS; window++) {
      session.progress(`${count} running zones at rest: ${window + 1} of ${WINDOWS}`);
      session.calibrations.push(calibrate());
      const before = await secondsOf(pids);
      await sleep(WINDOW_SECONDS * 1000);
      const after = await secondsOf(pids);
      for (const [name, pid] of Object.entries(pids)) {
        shares[name]?.push((100 * ((after[name] ?? 0) - (before[name] ?? 0))) / WINDOW_SECONDS);
        memory[name]?.push(await residentMiB(pid));
      }
    }
    const place = { part: 'agent', at: count, along: 'running zones' } as const;
    const goal = count === 200 ? { atMost: 3 } : {};
    session.figures.push({ ...place, what: 'share of a processor at rest', unit: '%', series: shares, comparisons: [{ of: AGENT, ...goal }] }, { ...place, what: 'memory at rest', unit: 'MiB', series: memory });
  }
  await fewAtATime(wishes, (wish) => zones.remove(wish));
}

const TICKS_PER_SECOND = 100;

/** Seconds of processor time of each process and of the children it has waited for. */
async function secondsOf(pids: Readonly<Record<string, number>>): Promise<Record<string, number>> {
  const entries = Object.entries(pids).map(async ([name, pid]) => {
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ');
    return [name, fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}
