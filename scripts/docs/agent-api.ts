/**
 * docs/openapi/agent.json: the agent's API, from the schemas that its routes check requests with. As a program it prints it:
 * `scripts/with-node.sh scripts/docs/agent-api.ts >docs/openapi/agent.json`.
 */
import { buildApp } from '../../agent/server/app.ts';
import type { Services } from '../../agent/server/services.ts';

/** The whole description, as text. */
export async function agentApi(): Promise<string> {
  // Routes touch no service before their first request, and there is none.
  const app = await buildApp({} as Services);
  const description = app.swagger();
  await app.close();
  return `${JSON.stringify(description, null, 2)}\n`;
}

if (import.meta.main) process.stdout.write(await agentApi());
