/** How and when the host was booted. */
import { readFileIfPresent } from '../../host/files/atomic.ts';

/** The kernel's parameters; those for init (after `--`) are none of them. A parameter without a value is "true". */
export function bootParametersOf(commandLine: string): Record<string, string> {
  const words = commandLine.trim().split(/\s+/).filter((word) => word !== '');
  const end = words.indexOf('--');
  const own = end === -1 ? words : words.slice(0, end);
  return Object.fromEntries(
    own.flatMap((word) => {
      const [name = '', ...value] = word.split('=');
      return SECRET.test(name) ? [] : [[name, value.length === 0 ? 'true' : value.join('=')] as const];
    }),
  );
}

/** Sysinfo goes to the head node and to whoever may read it there. */
const SECRET = /shadow|passw|secret|token|key$/i;

export async function bootParameters(): Promise<Record<string, string>> {
  return bootParametersOf((await readFileIfPresent('/proc/cmdline')) ?? '');
}

/** Epoch seconds at which the kernel started, as text. */
export async function bootTime(): Promise<string> {
  return /^btime (\d+)$/m.exec((await readFileIfPresent('/proc/stat')) ?? '')?.[1] ?? '0';
}
