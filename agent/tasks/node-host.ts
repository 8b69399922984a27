import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { ensureImage } from '../../imgadm/index.ts';
import type { Engine } from '../../vmadm/engine.ts';
import { recoverInstance, type EngineOptions } from '../../vmadm/open-engine.ts';
import { sysinfoOf } from '../sysinfo/sysinfo.ts';
import { executeCommand, sweepCommands } from './execute.ts';
import type { TaskHost } from './host.ts';
import { openRecordStore, type RecordStore } from './record.ts';

/** What the tasks of a real node act through. @param openEngine the agent's way to an engine for one caller */
export function nodeTaskHost(node: Node, openEngine: (options: EngineOptions) => Promise<Engine>): TaskHost {
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
    settle: (uuid) => recoverInstance(node, uuid),
  };
}

/** The records of a node's tasks; they lie in its pool. */
export async function nodeTaskStore(node: Node): Promise<RecordStore> {
  await sweepCommands(node);
  return openRecordStore(join(node.paths.config, 'tasks'));
}
