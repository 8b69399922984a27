/**
 * How long an allocation takes with 500 servers of 50 VMs: `node test/bench/placement.ts [DATABASE_URL]`; without a URL on PGlite.
 * Prints milliseconds: p50, p99 and the longest, one after the other, with reports of nodes coming in between; and this process's own CPU time
 * for one.
 */
import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { placementMigration } from '../../headnode/db/migrations/020-placement.ts';
import { openDatabase } from '../../headnode/db/open-database.ts';
import { openPlacement } from '../../headnode/placement/open-placement.ts';
import type { Server } from '../../headnode/services.ts';
import { server, toldServers, vm } from '../headnode/placement/servers.ts';

const SERVERS = 500;
const VMS = 50;
const ALLOCATIONS = 1000;
const OWNERS = Array.from({ length: 100 }, () => randomUUID());

const [url] = process.argv.slice(2);
const db = await openDatabase(url === undefined ? { kind: 'pglite' } : { kind: 'url', url }, [placementMigration]);
const nodes = Array.from({ length: SERVERS }, withVms);
const servers = toldServers(nodes);
const placement = openPlacement({ db, servers });
const times: number[] = [];
const made: string[] = [];
const cpu = process.cpuUsage();
for (let count = 0; count < ALLOCATIONS; count += 1) {
  // A report of one node each time: its server object is a new one.
  nodes[count % SERVERS] = { ...(nodes[count % SERVERS] as Server) };
  const wanted = vm({ owner_uuid: OWNERS[count % OWNERS.length] });
  const began = performance.now();
  const { server: chosen } = await placement.allocate({ vm: wanted, nicTags: ['external'] });
  times.push(performance.now() - began);
  if (!chosen) throw new Error('there was room');
  made.push(wanted.uuid);
}
const { user, system } = process.cpuUsage(cpu);
times.sort((one, other) => one - other);
const at = (part: number): string => (times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0).toFixed(1);
process.stdout.write(`${JSON.stringify({ database: db.kind, servers: SERVERS, vms: SERVERS * VMS, allocations: ALLOCATIONS, p50: at(0.5), p99: at(0.99), longest: at(1), cpu: ((user + system) / 1000 / ALLOCATIONS).toFixed(1) })}\n`);
for (const uuid of made) await placement.release(uuid);
await db.close();

function withVms(): Server {
  const vms = Array.from({ length: VMS }, (_, index) => [randomUUID(), { brand: 'lx', state: 'running', owner_uuid: OWNERS[index % OWNERS.length], max_physical_memory: 512, quota: 10, cpu_cap: 25 }]);
  return server({ memory: 256, pool: 8000, processors: 64, vms: Object.fromEntries(vms) });
}
