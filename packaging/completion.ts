import { bashCompletion } from '../host/manual/bash.ts';
import { manuals } from '../scripts/docs/man-pages.ts';

const BASH = '/usr/share/bash-completion/completions';

/** Completion for shells, by path below the root. bash-completion loads a file by the name of the command; the first one has them all. */
export function completionFiles(): ReadonlyMap<string, string> {
  const told = manuals().filter(({ section, name }) => section === 8 && !name.includes(' '));
  return new Map(told.map(({ name }) => [`${BASH}/${name}`, name === 'zonewright' ? bashCompletion(manuals()) : `. ${BASH}/zonewright\n`]));
}
