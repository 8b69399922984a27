/** One line on a terminal that says which step of an operation is being done. */
import type { StepEvent } from '../../host/journal/perform.ts';
import type { Streams } from './command.ts';

export interface ProgressLine {
  readonly show: (event: StepEvent) => void;
  readonly clear: () => void;
}

const ERASE_LINE = '\r\u001b[K';

/** A line that is rewritten with every event and erased at the end; nothing at all when stderr is not a terminal. */
export function newProgressLine(stderr: Streams['stderr'] & { readonly columns?: number }): ProgressLine {
  if (!stderr.isTTY) return { show: () => undefined, clear: () => undefined };
  let shown = false;
  return {
    show(event) {
      stderr.write(`${ERASE_LINE}${progressText(event).slice(0, (stderr.columns ?? 80) - 1)}`);
      shown = true;
    },
    clear() {
      if (shown) stderr.write(ERASE_LINE);
      shown = false;
    },
  };
}

/** `create 3/6: clone image … (40 %)` */
export function progressText({ verb, step, steps, state, description, fraction }: StepEvent): string {
  const done = fraction === undefined ? '' : ` (${Math.round(fraction * 100)} %)`;
  return `${state === 'undoing' ? `undo ${verb}` : verb} ${step}/${steps}: ${description.replace(/\p{Cc}/gu, ' ')}${done}`;
}
