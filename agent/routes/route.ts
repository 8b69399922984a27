import type { AgentApp } from '../server/app.ts';
import type { Services } from '../server/services.ts';

/** One resource's routes. It must not touch the services before its first request. */
export type RoutePlugin = (app: AgentApp, services: Services) => void;
