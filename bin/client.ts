/**
 * What the platform's one executable starts with. Most calls are `vmadm` asking an agent, which takes little; everything else
 * is in a second script inside the executable, many times as long, and read only when it is needed.
 */
import { basename, join } from 'node:path';
import { getRawAsset } from 'node:sea';
import { constants, Script } from 'node:vm';
import { reachAgent } from '../agent/client/local-agent.ts';
import { loadNode } from '../host/config/node-config.ts';
import { main } from '../vmadm/cli/main.ts';
import { ownProcess } from '../vmadm/cli/own-process.ts';

async function start(): Promise<void> {
  if (basename(process.argv0) !== 'vmadm' || !(await agentAnswers())) return runWhole();
  process.exitCode = await main([process.execPath, process.argv0, ...process.argv.slice(2)], ownProcess());
}

/** What is wrong with a node is told by those who can say it well. */
async function agentAnswers(): Promise<boolean> {
  try {
    const transport = await reachAgent(await loadNode());
    transport?.close();
    return transport !== undefined;
  } catch {
    return false;
  }
}

/** The names are those that the build gave (`images/platform/executable.ts`). */
function runWhole(): void {
  const source = Buffer.from(getRawAsset('whole.cjs')).toString('latin1');
  const script = new Script(source, {
    filename: join(import.meta.dirname, 'zonewright.cjs'),
    cachedData: Buffer.from(getRawAsset('whole.cache')),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  (script.runInThisContext() as (require: NodeJS.Require) => void)(require);
}

void start();
