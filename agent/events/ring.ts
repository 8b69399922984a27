/**
 * The last events of this node's instances, numbered, so that a reader who lost its connection goes on where it was. A
 * cursor is `<life of the agent>:<number>`: numbers of an earlier life mean nothing to this one.
 */
import { randomUUID } from 'node:crypto';
import { agentErrors } from '../errors.ts';
import type { VmEvent } from './vm-event.ts';

export interface NumberedEvent {
  readonly cursor: string;
  readonly uuid: string;
  /** The event as the line that readers get. */
  readonly line: string;
}

export interface EventRing {
  add(event: VmEvent): void;
  /** Where the ring is now: events after it are those to come. */
  cursor(): string;
  /**
   * Events after a cursor, oldest first; none when there are none yet.
   * @throws EventsGone when some of them are not kept any more, or the cursor is of another life of the agent
   */
  after(cursor: string): readonly NumberedEvent[];
  /** Be told of each event to come. @returns what ends it */
  listen(listener: (event: NumberedEvent) => void): () => void;
}

const MOST_EVENTS = 4096;
const MOST_BYTES = 16 * 1024 * 1024;

export function newEventRing({ most = MOST_EVENTS, mostBytes = MOST_BYTES } = {}): EventRing {
  const life = randomUUID();
  const listeners = new Set<(event: NumberedEvent) => void>();
  const kept: NumberedEvent[] = [];
  let bytes = 0;
  let last = 0;
  const cursorAt = (number: number): string => `${life}:${number}`;
  return {
    add(event) {
      last++;
      const cursor = cursorAt(last);
      const numbered = { cursor, uuid: event.uuid, line: JSON.stringify({ ...event, cursor }) };
      kept.push(numbered);
      bytes += numbered.line.length;
      while (kept.length > 1 && (kept.length > most || bytes > mostBytes)) bytes -= kept.shift()?.line.length ?? 0;
      for (const listener of listeners) listener(numbered);
    },
    cursor: () => cursorAt(last),
    after(cursor) {
      const [, of, digits] = /^([0-9a-f-]{36}):(\d{1,15})$/.exec(cursor) ?? [];
      const number = Number(digits);
      if (of !== life || number > last || number < last - kept.length) throw agentErrors.EventsGone({ cursor: printable(cursor) });
      return kept.slice(kept.length - (last - number));
    },
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

function printable(cursor: string): string {
  return JSON.stringify(cursor.slice(0, 64)).slice(1, -1);
}
