/** One thread of a crowd: simulated agents that are told to join and counted by messages. */
import { randomUUID } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { openSimulatedAgent, type SimulatedAgent } from './agent.ts';

export interface ToThread {
  readonly id: number;
  readonly question: { readonly what: 'join'; readonly token: string } | { readonly what: 'count' | 'close' };
}

export type FromThread =
  | { readonly what: 'answered'; readonly id: number; readonly count: number }
  | { readonly what: 'failed'; readonly id: number; readonly reason: string }
  | { readonly what: 'spoken'; readonly messages: ReadonlyArray<readonly [path: string, milliseconds: number]> };

const TELL_MILLISECONDS = 500;

const agents: SimulatedAgent[] = [];
let messages: Array<readonly [path: string, milliseconds: number]> = [];

function tell(message: FromThread): void {
  parentPort?.postMessage(message);
}

function tellSpoken(): void {
  tell({ what: 'spoken', messages });
  messages = [];
}

async function answer(question: ToThread['question']): Promise<number> {
  if (question.what === 'join') agents.push(await openSimulatedAgent({ uuid: randomUUID(), token: question.token, onSpoken: (path, milliseconds) => void messages.push([path, milliseconds]) }));
  if (question.what === 'close') await Promise.all(agents.map((agent) => agent.close()));
  return agents.filter((agent) => agent.isConnected()).length;
}

const telling = setInterval(tellSpoken, TELL_MILLISECONDS);

parentPort?.on('message', ({ id, question }: ToThread) => {
  answer(question).then(
    (count) => {
      tell({ what: 'answered', id, count });
      if (question.what !== 'close') return;
      clearInterval(telling);
      parentPort?.close();
    },
    (error: unknown) => tell({ what: 'failed', id, reason: error instanceof Error ? error.message : String(error) }),
  );
});
