/** A head node under simulated nodes, and its database under VMs, at one or several scales. */
import { openCrowd, type Crowd } from '../../../scripts/simulate/crowd.ts';
import { openFleet, type Fleet } from '../../../scripts/simulate/fleet.ts';
import { calibrate } from '../measure/noise.ts';
import { scoped, type Session } from '../measure/session.ts';
import { measureDatabase } from './head-database.ts';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const NODES = 500;
const AT_ONCE = 16;
const PATIENCE_SECONDS = 300;

export async function measureHead(session: Session): Promise<void> {
  for (const scale of session.scales) {
    await scoped(session, (own) => measureNodes(own, own.quick ? 50 * scale : NODES * scale));
    await measureDatabase(session, session.quick ? scale / 10 : scale);
  }
}

const HEAD = 'head';

async function measureNodes(session: Session, nodes: number): Promise<void> {
  session.progress('starting a head process');
  const fleet = await openFleet({ postgres: session.postgres });
  const heartbeats: number[] = [];
  const crowd = openCrowd(nodes, (path, milliseconds) => void (path.endsWith('/heartbeat') && heartbeats.push(milliseconds)));
  session.onEnd(async () => {
    await crowd.close();
    await fleet.close();
  });
  const began = performance.now();
  await joined({ fleet, crowd }, nodes, session);
  const joining = nodes / ((performance.now() - began) / 1000);
  for (let tries = 0; (await crowd.connected()) < nodes; tries++) {
    if (tries > PATIENCE_SECONDS * 10) throw new Error('not all simulated nodes could register');
    await sleep(100);
  }
  const [rates, shares, memory]: [number[], number[], number[]] = [[], [], []];
  heartbeats.length = 0;
  for (let window = 0; window < 5; window++) {
    session.progress(`${nodes} nodes: window ${window + 1} of 5`);
    session.calibrations.push(calibrate());
    const [before, counted] = [await cpuSeconds(fleet.pid), heartbeats.length];
    await sleep(5000);
    rates.push((heartbeats.length - counted) / 5);
    shares.push((100 * ((await cpuSeconds(fleet.pid)) - before)) / 5);
    memory.push(await residentMiB(fleet.pid));
  }
  const place = { part: 'head', at: nodes, along: 'simulated nodes' } as const;
  session.figures.push(
    { ...place, what: 'nodes join', unit: '/s', series: { [HEAD]: [joining] } },
    { ...place, what: 'heartbeats taken', unit: '/s', series: { [HEAD]: rates }, remark: 'every node sends one 5 s after the answer to the one before' },
    { ...place, what: 'a heartbeat is answered', unit: 'ms', series: { [HEAD]: heartbeats } },
    { ...place, what: 'share of a processor', unit: '%', series: { [HEAD]: shares } },
    { ...place, what: 'memory', unit: 'MiB', series: { [HEAD]: memory } },
  );
}

async function joined({ fleet, crowd }: { readonly fleet: Fleet; readonly crowd: Crowd }, nodes: number, session: Session): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < nodes) {
        next += 1;
        if (next % 50 === 0) session.progress(`node ${next} of ${nodes} joins`);
        const { token } = await fleet.ask<{ token: string }>('POST', '/tokens', {});
        await crowd.join(token);
      }
    }),
  );
}

const TICKS_PER_SECOND = 100;

async function cpuSeconds(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

async function residentMiB(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}
