import { isErrorCode } from '../../host/errors/errors.ts';
import { loadVm, type Nodes } from './ask-node.ts';
import { WORD_SECONDS } from './store.ts';

export interface Looker {
  /** Ask a node for these VMs in a while, when what is under way has arrived. */
  later(serverUuid: string, uuids: readonly string[]): void;
  close(): Promise<void>;
}

const ASKER = { requestId: 'look-again', by: 'head' };
const AT_A_TIME = 4;

/** Asking nodes again, where a report left something unclear. What a head process cannot do before it ends, the next reports make clear. */
export function newLooker(nodes: Nodes): Looker {
  const waiting = new Map<string, { readonly serverUuid: string; readonly timer: NodeJS.Timeout }>();
  const due: Array<{ readonly serverUuid: string; readonly uuid: string }> = [];
  const running = new Set<Promise<void>>();
  let closed = false;

  const begin = (): void => {
    while (!closed && running.size < AT_A_TIME) {
      const next = due.shift();
      if (!next) return;
      const one = look(nodes, next).finally(() => {
        running.delete(one);
        begin();
      });
      running.add(one);
    }
  };
  return {
    later(serverUuid, uuids) {
      for (const uuid of uuids) {
        if (closed || waiting.has(uuid)) continue;
        const timer = setTimeout(() => {
          waiting.delete(uuid);
          due.push({ serverUuid, uuid });
          begin();
        }, (WORD_SECONDS + 1) * 1000);
        waiting.set(uuid, { serverUuid, timer: timer.unref() });
      }
    },
    async close() {
      closed = true;
      for (const { timer } of waiting.values()) clearTimeout(timer);
      await Promise.all(running);
    },
  };
}

async function look(nodes: Nodes, { serverUuid, uuid }: { readonly serverUuid: string; readonly uuid: string }): Promise<void> {
  try {
    const [row] = await nodes.database.query<{ held: string | null; detailed: boolean; fresh: boolean }>(
      `SELECT held, detailed, coalesce(word_at > now() - interval '${WORD_SECONDS * 3} seconds', false) AS fresh FROM vms WHERE uuid = $1 AND (server_uuid = $2 OR held = 'failed')`,
      [uuid, serverUuid],
    );
    // Meanwhile all of it was told, or its job has it.
    if (!row || row.held === 'provisioning' || (row.detailed && !row.fresh)) return;
    await loadVm(nodes, { serverUuid, uuid, asker: ASKER });
  } catch (error) {
    if (!isErrorCode(error, 'ServerUnreachable') && !isErrorCode(error, 'ServerNotFound')) nodes.onError(`look again at VM ${uuid} on ${serverUuid}`, error);
  }
}
