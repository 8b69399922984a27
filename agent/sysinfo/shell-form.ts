import type { Sysinfo } from '../wire/sysinfo.ts';

/** The document as assignments that a shell can evaluate: `Network_Interfaces_eth0_ip4addr='10.77.0.1'`. */
export function shellForm(sysinfo: Sysinfo): string {
  return assignments(sysinfo, []).map((line) => `${line}\n`).join('');
}

function assignments(value: unknown, path: readonly string[]): string[] {
  if (Array.isArray(value)) return value.some((element) => typeof element === 'object') ? value.flatMap((element, index) => assignments(element, [...path, String(index)])) : [assignment(path, value.join(','))];
  if (typeof value === 'object' && value !== null) return Object.entries(value).flatMap(([name, inner]) => assignments(inner, [...path, name]));
  return value === undefined || value === null ? [] : [assignment(path, String(value))];
}

function assignment(path: readonly string[], value: string): string {
  const name = path.join('_').replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=[0-9])/, '_');
  return `${name}='${value.replaceAll("'", "'\\''")}'`;
}
