/**
 * QEMU's command line: the only place where values become options. QEMU splits an option at commas, so a comma inside a
 * value is doubled; everything else is an argument of its own and reaches QEMU as it is.
 */
import { hostErrors } from '../errors/host-errors.ts';

/** One option, `-name first,key=value,…`; an undefined value leaves its key out. */
export interface QemuOption {
  readonly name: string;
  /** What stands before the keys: a driver, a back end, a plain value. */
  readonly first?: string | number;
  readonly keys?: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** The arguments for a list of options. @throws UnsafeConfigValue */
export function encodeQemuOptions(options: readonly QemuOption[]): string[] {
  return options.flatMap(({ name, first, keys }) => {
    const parts = [
      ...(first === undefined ? [] : [escaped(name, 'value', first)]),
      ...Object.entries(keys ?? {}).flatMap(([key, value]) => (value === undefined ? [] : [`${checkedKey(name, key)}=${escaped(name, key, value)}`])),
    ];
    return parts.length === 0 ? [`-${checkedKey(name, name)}`] : [`-${checkedKey(name, name)}`, parts.join(',')];
  });
}

function checkedKey(option: string, key: string): string {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(key)) throw hostErrors.UnsafeConfigValue({ key: `-${option}`, value: JSON.stringify(key), reason: 'it is not an option of QEMU' });
  return key;
}

function escaped(option: string, key: string, value: string | number | boolean): string {
  const text = value === true ? 'on' : value === false ? 'off' : String(value);
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) {
    throw hostErrors.UnsafeConfigValue({ key: `-${option} ${key}`, value: JSON.stringify(text.slice(0, 80)), reason: 'it holds a control character' });
  }
  return text.replaceAll(',', ',,');
}
