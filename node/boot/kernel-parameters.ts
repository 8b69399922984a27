import { readFileIfPresent } from '../../host/files/atomic.ts';

/** The words of the kernel's command line by name; one without a value has an empty one, of several the last counts. */
export type KernelParameters = ReadonlyMap<string, string>;

/** How this machine was told to start. */
export async function kernelParameters(): Promise<KernelParameters> {
  return parseKernelParameters((await readFileIfPresent('/proc/cmdline')) ?? '');
}

/** Read a kernel command line. Quotes may surround a word or its value, as the kernel has it. */
export function parseKernelParameters(text: string): KernelParameters {
  const words = text.match(/(?:"[^"]*"|[^\s"])+/g) ?? [];
  return new Map(
    words.map((word) => {
      const [, name = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(word.replaceAll('"', '')) ?? [];
      return [name, value ?? ''];
    }),
  );
}

/** Whether nothing of the disks may be touched: `noimport`, with whatever value, as the units of the rescue shells see it. */
export function isRescue(parameters: KernelParameters): boolean {
  return parameters.has('noimport');
}

/** Whether this boot is to make the machine as new: `destroy_zpools=true`, and nothing that only looks like it. */
export function isFactoryReset(parameters: KernelParameters): boolean {
  return parameters.get('destroy_zpools') === 'true';
}
