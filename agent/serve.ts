/** All that an agent does besides metadata and consoles: the API with its index, recovery, and booting what shall run. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Node } from '../host/config/node-config.ts';
import { run } from '../host/run/run.ts';
import { openEngine } from '../vmadm/open-engine.ts';
import { autoboot } from './autoboot/autoboot.ts';
import { recoverAtStart } from './autoboot/recover.ts';
import { eventOf } from './events/event-of.ts';
import { newEventRing } from './events/ring.ts';
import { openIndex } from './index/instance-index.ts';
import { openFleet } from './head/fleet.ts';
import { countByState } from './index/count.ts';
import { listenLocally, listenOnLoopback } from './listen-api.ts';
import type { Log } from './log.ts';
import { newMetrics } from './metrics/metrics.ts';
import { buildApp, type AgentApp } from './server/app.ts';
import { newOperations } from './server/operations.ts';
import type { Services } from './server/services.ts';
import { namedNode } from './sysinfo/sysinfo.ts';
import { nodeTaskHost, nodeTaskStore } from './tasks/node-host.ts';
import { newLeaving } from './tasks/leave.ts';
import { openTasks, type Tasks } from './tasks/tasks.ts';

export interface Serving {
  readonly app: AgentApp;
  readonly services: Services;
  /** Take no more requests, and wait a while for the operations that run. */
  close(): Promise<void>;
}

export interface ServeOptions {
  /** Also answer `/metrics` and `/healthz` on this port of the loopback interface. */
  readonly metricsPort?: number | undefined;
  /** Restart the host. */
  reboot?(): Promise<void>;
}

/** Operations that take longer than this are cut off at the end of the agent, and undone or resumed by the next one. */
const PATIENCE_SECONDS = 60;

/** Serve the API of a node, from its own socket on. */
export async function serve(configured: Node, log: Log, { metricsPort, reboot = rebootHost }: ServeOptions = {}): Promise<Serving> {
  const node = await namedNode(configured);
  const events = newEventRing();
  const index = await openIndex(node, { log, onChange: (change) => eventOf(change).forEach(events.add) });
  const operations = newOperations();
  const openOne: Services['openEngine'] = (options) => openEngine({ node, ...options });
  const leave = newLeaving({ tasks: () => tasks, log, reboot });
  const tasks: Tasks = await openTasks({ host: nodeTaskHost(node, { openEngine: openOne, leave }), store: await nodeTaskStore(node), log });
  const services: Services = {
    node,
    log,
    index,
    events,
    operations,
    metrics: newMetrics(() => countByState(index.list())),
    tasks,
    openEngine: openOne,
  };
  const app = await buildApp(services);
  // What can fail comes before the socket at which commands find the agent.
  const loopback = metricsPort === undefined ? [] : [await listenOnLoopback(metricsPort, app)];
  const fleet = await openFleet({ services, handle: (request, response) => app.routing(request, response) });
  const servers = [await listenLocally(node, app), ...loopback];
  const ended = new AbortController();
  const started = (async () => {
    await recoverAtStart(node, log, ended.signal);
    if (!ended.signal.aborted) await autoboot(node, await services.openEngine({ askedBy: 'autoboot' }), log);
  })().catch((error: unknown) => log.failure('-', 'start', error));
  return {
    app,
    services,
    async close() {
      ended.abort();
      const closed = servers.map(closeServer);
      tasks.pause();
      const deadline = Date.now() + PATIENCE_SECONDS * 1000;
      await Promise.race([tasks.idle(), pause(PATIENCE_SECONDS * 1000)]);
      await fleet.close();
      while (operations.running().length > 0 && Date.now() < deadline) await sleep(20);
      await Promise.race([started, pause(Math.max(0, deadline - Date.now()))]);
      // Their last answers have a moment to leave.
      await Promise.race([Promise.all(closed), pause(1000)]);
      for (const server of servers) server.closeAllConnections();
      index.close();
      await app.close();
    },
  };
}

async function rebootHost(): Promise<void> {
  await run(['systemctl', 'reboot']);
}

/** A pause that does not keep the process when all else is done. */
function pause(milliseconds: number): Promise<void> {
  return sleep(milliseconds, undefined, { ref: false });
}

async function closeServer(server: Server): Promise<void> {
  server.close();
  server.closeIdleConnections();
  await once(server, 'close');
}
