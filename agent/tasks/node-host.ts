import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { PLATFORM_FILE } from '../../host/config/platform.ts';
import { ownProgram } from '../../host/run/own-program.ts';
import { run } from '../../host/run/run.ts';
import { ensureImage } from '../../imgadm/index.ts';
import type { Engine } from '../../vmadm/engine.ts';
import { recoverInstance, type EngineOptions } from '../../vmadm/open-engine.ts';
import { sysinfoOf } from '../sysinfo/sysinfo.ts';
import { taskErrors } from './errors.ts';
import { executeCommand, sweepCommands } from './execute.ts';
import type { TaskHost } from './host.ts';
import { openRecordStore, type RecordStore } from './record.ts';

export interface NodeTaskHostOptions {
  /** The agent's way to an engine for one caller. */
  openEngine(options: EngineOptions): Promise<Engine>;
  /** Begin to go down. */
  leave(): void;
}

/** What the tasks of a real node act through. */
export function nodeTaskHost(node: Node, { openEngine, leave }: NodeTaskHostOptions): TaskHost {
  return {
    serverUuid: node.serverUuid,
    pool: node.pool,
    images: {
      async ensure({ uuid }, { requestId, signal, onEvent }) {
        // Its manifest comes from the source with the file: what a caller says of an image is not needed.
        await ensureImage(node, { uuid, requestId, signal, onEvent });
      },
    },
    engine: ({ requestId, askedBy, signal, onEvent }) => openEngine({ node, requestId, askedBy, signal, onEvent }),
    sysinfo: () => sysinfoOf(node),
    execute: (command, signal) => executeCommand(node, command, signal),
    leave,
    async markForFactoryReset() {
      // Only a root in memory is made anew at each boot; elsewhere nobody would do it.
      if (!existsSync(PLATFORM_FILE)) throw taskErrors.FactoryResetImpossible();
      await run([...ownProgram('zonewright'), 'factory-reset', '--yes-destroy-all-data', '--', node.pool]);
    },
    settle: (uuid) => recoverInstance(node, uuid),
  };
}

/** The records of a node's tasks; they lie in its pool. */
export async function nodeTaskStore(node: Node): Promise<RecordStore> {
  await sweepCommands(node);
  return openRecordStore(join(node.paths.config, 'tasks'));
}
