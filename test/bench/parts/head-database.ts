/** What a head node asks of its database: where a VM may go, and pages of all VMs. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from '../../../headnode/db/database.ts';
import { openDatabase } from '../../../headnode/db/open-database.ts';
import { openPlacement } from '../../../headnode/placement/open-placement.ts';
import type { Server } from '../../../headnode/services.ts';
import { listVms } from '../../../headnode/vms/list-vms.ts';
import { server, toldServers, vm } from '../../headnode/placement/servers.ts';
import { calibrate } from '../measure/noise.ts';
import type { Session } from '../measure/session.ts';

const SERVERS = 500;
const VMS_OF_SERVER = 50;
const ALLOCATIONS = 200;
const LISTED_VMS = 100_000;
const PAGE = 1000;
const PAGES = 20;
const OWNERS = Array.from({ length: 100 }, () => randomUUID());

const HEAD = 'head';

export async function measureDatabase(session: Session, scale: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'zonewright-bench-'));
  const db = await openDatabase(session.postgres ? { kind: 'private-postgres', directory } : { kind: 'pglite' });
  try {
    await measurePlacement(session, db, Math.round(SERVERS * scale));
    await measurePages(session, db, Math.round(LISTED_VMS * scale));
  } finally {
    await db.close();
    await rm(directory, { recursive: true });
  }
}

async function measurePlacement(session: Session, db: Database, count: number): Promise<void> {
  session.progress(`placement on ${count} servers`);
  const nodes = Array.from({ length: count }, serverWithVms);
  const placement = openPlacement({ db, servers: toldServers(nodes) });
  const times: number[] = [];
  session.calibrations.push(calibrate());
  const began = performance.now();
  for (let index = 0; index < ALLOCATIONS; index += 1) {
    // A report of one node each time: its server object is a new one.
    nodes[index % count] = { ...(nodes[index % count] as Server) };
    const started = performance.now();
    const { server: chosen } = await placement.allocate({ vm: vm({ owner_uuid: OWNERS[index % OWNERS.length] }), nicTags: ['external'] });
    if (!chosen) throw new Error('there was room');
    times.push(performance.now() - started);
  }
  const rate = ALLOCATIONS / ((performance.now() - began) / 1000);
  const place = { part: 'head', at: count, along: 'servers' } as const;
  session.figures.push({ ...place, what: 'allocations', unit: '/s', series: { [HEAD]: [rate] } }, { ...place, what: 'one allocation', unit: 'ms', series: { [HEAD]: times } });
}

async function measurePages(session: Session, db: Database, count: number): Promise<void> {
  session.progress(`${count} VMs in the database`);
  await db.query(
    `INSERT INTO vms (uuid, vm, server_uuid, detailed)
     SELECT gen_random_uuid(), jsonb_build_object('brand', 'lx', 'state', 'running', 'zone_state', 'running', 'alias', 'vm-' || number, 'owner_uuid', ($2::text[])[1 + number % 100],
       'max_physical_memory', 512, 'quota', 10, 'cpu_cap', 100, 'tags', jsonb_build_object('role', 'web'), 'nics', jsonb_build_array(jsonb_build_object('mac', '02:00:00:00:00:01', 'ip', '10.0.0.1'))), gen_random_uuid(), true
     FROM generate_series(1, $1::integer) AS number`,
    [count, OWNERS],
  );
  await db.query('ANALYZE vms');
  const [first, inTheMiddle, owned]: [number[], number[], number[]] = [[], [], []];
  for (let page = 0; page < PAGES; page++) {
    session.calibrations.push(calibrate());
    first.push(await timeOf(() => listVms(db, { limit: PAGE })));
    inTheMiddle.push(await timeOf(() => listVms(db, { limit: PAGE, offset: Math.floor(count / 2) })));
    owned.push(await timeOf(() => listVms(db, { limit: PAGE, ownerUuid: OWNERS[page % OWNERS.length] })));
  }
  const series = { 'the first': first, 'in the middle': inTheMiddle, "one owner's": owned };
  session.figures.push({ part: 'head', what: `a page of ${PAGE.toLocaleString('en')} VMs`, unit: 'ms', at: count, along: 'VMs', series });
  session.figures.push({ part: 'head', what: session.postgres ? 'memory of the process that asks it' : 'memory of the process with the database in it', unit: 'MiB', at: count, along: 'VMs', series: { [HEAD]: [process.memoryUsage.rss() / 1024 ** 2] } });
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function serverWithVms(): Server {
  const vms = Array.from({ length: VMS_OF_SERVER }, (_, index) => [randomUUID(), { brand: 'lx', state: 'running', owner_uuid: OWNERS[index % OWNERS.length], max_physical_memory: 512, quota: 10, cpu_cap: 25 }]);
  return server({ memory: 256, pool: 8000, processors: 64, vms: Object.fromEntries(vms) });
}
