/** Every resource of the API, in the order in which its description lists them. */
import { agentRoutes } from './agent.ts';
import { eventRoutes } from './events.ts';
import { imageRoutes } from './images.ts';
import { nicTagRoutes } from './nictags.ts';
import { operationRoutes } from './operations.ts';
import type { RoutePlugin } from './route.ts';
import { tableRoutes } from './tables.ts';
import { taskRoutes } from './tasks.ts';
import { vmActionRoutes } from './vm-actions.ts';
import { vmRoutes } from './vms.ts';

export const ROUTES: readonly RoutePlugin[] = [vmRoutes, tableRoutes, vmActionRoutes, operationRoutes, eventRoutes, imageRoutes, nicTagRoutes, taskRoutes, agentRoutes];
