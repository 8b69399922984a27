import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Node } from '../../host/config/node-config.ts';
import { machineRuntime } from '../../vmadm/machines/runtime.ts';

/** A machine's serial console, as a person at a terminal has it. */
export interface GuestConsole {
  type(line: string): void;
  /** Everything printed since it was opened. */
  text(): string;
  /** Wait until a pattern has been printed. @throws Error with what was printed instead */
  says(pattern: RegExp, seconds?: number): Promise<RegExpExecArray>;
  close(): void;
}

/** Connect to a running machine's console. */
export async function openConsole(node: Node, uuid: string): Promise<GuestConsole> {
  const socket: Socket = connect({ path: join(machineRuntime(node, uuid).directory, 'sockets/console') });
  await once(socket, 'connect');
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text = (text + chunk).slice(-1024 * 1024)));
  socket.on('error', () => undefined);
  return {
    type: (line) => void socket.write(`${line}\n`),
    text: () => text,
    async says(pattern, seconds = 300) {
      for (let tries = 0; tries < seconds * 10; tries++) {
        const found = pattern.exec(text);
        if (found) return found;
        await sleep(100);
      }
      throw new Error(`the console does not say ${String(pattern)}, but:\n${text.slice(-3000)}`);
    },
    close: () => socket.destroy(),
  };
}
