import type { Change, StreamEvent } from '../../agent/client/events.ts';
import type { Invocation } from './command.ts';

/** `vmadm events [-f] [-j] [-r] [uuid …]` (reference §1.2). It ends with its reader, or when the agent has gone for good. */
export async function run(invocation: Invocation): Promise<void> {
  const { options, operands, streams } = invocation;
  const print = (text: string): boolean => streams.stdout.write(text);
  const [json, full, ready] = [options['json'] === true, options['full'] === true, options['ready'] === true];
  const follow = await invocation.followEvents();
  const events = follow({
    ...(operands.length > 0 && { vms: operands }),
    full: json && ready,
    onMissed: () => void streams.stderr.write('Some events were missed: the agent has been started anew.\n'),
  });
  for await (const event of events) {
    if (streams.stdout.errored) return;
    if (event.type === 'ready' && !ready) continue;
    print(json ? `${JSON.stringify(withoutCursor(event))}\n` : linesOf(event, full));
  }
}

/** Programs get the events that SmartOS has. */
function withoutCursor({ cursor: _, ...event }: StreamEvent): Readonly<Record<string, unknown>> {
  return event;
}

/** An event as people read it: a line for each change. */
export function linesOf(event: StreamEvent, full: boolean): string {
  const date = full ? event.date : event.date.slice('2026-01-01T'.length);
  if (event.type === 'ready') return `[${date}] ready${full ? ` (uuid ${event.uuid})` : ''}\n`;
  const alias = typeof event.vm?.['alias'] === 'string' && event.vm['alias'] !== '' ? shortened(event.vm['alias']) : '-';
  const base = `[${date}] ${full ? event.uuid : event.uuid.slice(0, 8)} ${alias} ${event.type}`;
  const changes = event.changes ?? [];
  return changes.length === 0 ? `${base}\n` : changes.map((change) => `${base}: ${changeText(change)}\n`).join('');
}

const LONGEST_ALIAS = 30;

function shortened(alias: string): string {
  const text = withoutControls(alias);
  return text.length > LONGEST_ALIAS ? `${text.slice(0, LONGEST_ALIAS - 3)}...` : text;
}

function changeText({ prettyPath, action, oldValue, newValue }: Change): string {
  return withoutControls(`${prettyPath} ${action} :: ${jsonOf(oldValue)} -> ${jsonOf(newValue)}`);
}

function jsonOf(value: unknown): string {
  return value === undefined ? 'undefined' : JSON.stringify(value);
}

/** A tag may be named by anything; a terminal must not obey it. */
function withoutControls(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}
