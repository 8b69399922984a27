import type { Node } from '../../host/config/node-config.ts';
import type { EngineOptions } from '../../vmadm/open-engine.ts';
import type { Engine } from '../../vmadm/engine.ts';
import type { EventRing } from '../events/ring.ts';
import type { InstanceIndex } from '../index/instance-index.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Tasks } from '../tasks/tasks.ts';
import type { Operations } from './operations.ts';

/** What routes work with. Routes touch nothing of it before their first request: the API's description is made without. */
export interface Services {
  readonly node: Node;
  readonly log: Log;
  readonly index: InstanceIndex;
  readonly events: EventRing;
  readonly operations: Operations;
  readonly metrics: Metrics;
  readonly tasks: Tasks;
  /** An engine for one request. */
  openEngine(options: EngineOptions): Promise<Engine>;
}
