/** Params of a task without what may be secret, for the history and for records of tasks that are over. */
import type { TaskParams } from '../wire/tasks.ts';

const SECRET = /metadata|^script$|^env$|^args$|password|secret|token|private/i;
const HIDDEN = '(hidden)';
const DEEPEST = 8;

export function hideSecrets(params: TaskParams): TaskParams {
  return hidden(params, 0) as TaskParams;
}

function hidden(value: unknown, depth: number): unknown {
  if (depth > DEEPEST) return HIDDEN;
  if (Array.isArray(value)) return value.map((element) => hidden(element, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, SECRET.test(key) ? HIDDEN : hidden(inner, depth + 1)]));
}
