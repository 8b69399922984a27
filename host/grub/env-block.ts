/** GRUB's environment block: the few words that the loader and the running system tell each other across a reboot. */

const BYTES = 1024;
const HEADER = '# GRUB Environment Block\n';
const NAME = /^[a-z][a-z0-9_]{0,31}$/;
const VALUE = /^[A-Za-z0-9._-]{0,64}$/;

export type LoaderEnvironment = Readonly<Record<string, string>>;

/** The block of exactly 1024 bytes, as GRUB itself writes it. @throws Error on a name or value that GRUB could read as more than one (a mistake of ours) */
export function encodeEnvironment(environment: LoaderEnvironment): string {
  const lines = Object.entries(environment).map(([name, value]) => {
    if (!NAME.test(name) || !VALUE.test(value)) throw new Error(`not for a loader's environment: ${JSON.stringify(name)}=${JSON.stringify(value)}`);
    return `${name}=${value}\n`;
  });
  const text = HEADER + lines.join('');
  if (text.length > BYTES) throw new Error('a loader’s environment has at most 1024 bytes');
  return text.padEnd(BYTES, '#');
}

/** What a block says. One that is missing or damaged says nothing, as it does to GRUB; lines that are none of ours are left out. */
export function parseEnvironment(block: string | undefined): LoaderEnvironment {
  if (block?.startsWith(HEADER) !== true) return {};
  const pairs = block.slice(HEADER.length).split('\n').map((line) => /^([^=#]+)=(.*)$/.exec(line));
  return Object.fromEntries(pairs.flatMap((pair) => (pair && NAME.test(pair[1] ?? '') && VALUE.test(pair[2] ?? '') ? [[pair[1], pair[2]]] : [])));
}
