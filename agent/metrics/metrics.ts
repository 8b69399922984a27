/** What the agent counts. Labels have few values: routes, verbs, outcomes, states, brands; never a uuid. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry, type OpenMetricsContentType } from 'prom-client';

export interface Metrics {
  /** An answer was given. */
  answered(answer: { readonly route: string; readonly method: string; readonly status: number; readonly seconds: number }): void;
  /** An operation is over. */
  performed(operation: { readonly verb: string; readonly outcome: 'done' | 'failed' | 'cancelled'; readonly seconds: number }): void;
  /** All of it as text, in OpenMetrics' form. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** How many instances there are, by brand and state. */
export type CountInstances = () => Iterable<{ readonly brand: string; readonly state: string; readonly count: number }>;

/** A verb takes from milliseconds (kill) to many minutes (an image). */
const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600];

export function newMetrics(countInstances: CountInstances): Metrics {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const registers = [registry];
  // Looking at the event loop often would be most of what an idle agent does.
  collectDefaultMetrics({ register: registry, prefix: 'zonewright_agent_', eventLoopMonitoringPrecision: 1000 });
  const requests = new Counter({ name: 'zonewright_agent_requests', help: 'Answers given, by route and status.', labelNames: ['method', 'route', 'status'], registers });
  const requestSeconds = new Histogram({ name: 'zonewright_agent_request_seconds', help: 'Time to an answer, by route.', labelNames: ['method', 'route'], buckets: SECONDS, registers });
  const operations = new Histogram({ name: 'zonewright_operation_seconds', help: 'Time that operations took, by verb and outcome.', labelNames: ['verb', 'outcome'], buckets: SECONDS, registers });
  new Gauge({
    name: 'zonewright_instances',
    help: 'Instances of this node, by brand and state.',
    labelNames: ['brand', 'state'],
    registers,
    collect() {
      this.reset();
      for (const { brand, state, count } of countInstances()) this.set({ brand, state }, count);
    },
  });
  return {
    answered({ route, method, status, seconds }) {
      requests.inc({ method, route, status: String(status) });
      requestSeconds.observe({ method, route }, seconds);
    },
    performed: ({ verb, outcome, seconds }) => operations.observe({ verb, outcome }, seconds),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
