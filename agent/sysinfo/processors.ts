import type { Sysinfo } from '../wire/sysinfo.ts';

/** Processors from `/proc/cpuinfo`, under SmartOS's names: two of them say cores where sockets and threads are meant. */
export function processorsOf(cpuinfo: string): ProcessorFacts {
  const processors = cpuinfo.split(/\n\n+/).filter((block) => /^processor\s*:/m.test(block));
  const sockets = new Set(processors.map((block) => fieldOf(block, 'physical id') ?? '0')).size || 1;
  const cores = new Set(processors.map((block, index) => `${fieldOf(block, 'physical id') ?? '0'}:${fieldOf(block, 'core id') ?? index}`)).size || 1;
  const flags = (fieldOf(processors[0] ?? '', 'flags') ?? '').split(' ');
  const count = processors.length || 1;
  return {
    'CPU Type': fieldOf(processors[0] ?? '', 'model name') ?? 'unknown',
    'CPU Virtualization': flags.includes('vmx') ? 'vmx' : flags.includes('svm') ? 'svm' : 'none',
    'CPU Physical Cores': sockets,
    'CPU Total Cores': count,
    'CPU Socket Count': sockets,
    'CPU Core Count': cores,
    'CPU Online Count': count,
    'CPU Count': count,
  };
}

type ProcessorFacts = Pick<
  Sysinfo,
  'CPU Type' | 'CPU Virtualization' | 'CPU Physical Cores' | 'CPU Total Cores' | 'CPU Socket Count' | 'CPU Core Count' | 'CPU Online Count' | 'CPU Count'
>;

function fieldOf(block: string, name: string): string | undefined {
  return new RegExp(`^${name}\\s*:\\s*(.*)$`, 'm').exec(block)?.[1]?.trim();
}
