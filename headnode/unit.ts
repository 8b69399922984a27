import { headErrors } from './errors.ts';

export const UNIT_NAME = 'zonewright-head.service';
export const UNIT_PATH = `/etc/systemd/system/${UNIT_NAME}`;

/**
 * The unit of the head process, as text. DATABASE_URL comes from a file that only root reads. The private database server ends with the
 * head process, which stops it in order, so only that process is told to end.
 * @param withHost it starts with the host and its network; on a RAM-booted node whoever brought the pool back starts it
 * @throws HeadConfigInvalid for a path that cannot be named in a unit
 */
export function headUnit({ program, directory, withHost = true }: { readonly program: string; readonly directory: string; readonly withHost?: boolean }): string {
  // systemd expands % and splits at blanks and quotes.
  for (const path of [program, directory]) {
    if (!/^\/[A-Za-z0-9/_.+@-]+$/.test(path)) throw headErrors.HeadConfigInvalid({ path, reason: 'a unit cannot name it: only letters, digits and "/_.+@-"' });
  }
  const entries = {
    Unit: [
      ['Description', 'Zonewright head node'],
      ['Documentation', 'man:zonewright(8)'],
      ...(withHost ? ([['After', 'network-online.target zonewright-node.service'], ['Wants', 'network-online.target']] as const) : []),
    ],
    Service: [
      ['Type', 'exec'],
      ['EnvironmentFile', '-/etc/zonewright/head.env'],
      ['ExecStart', `${program} head run --data ${directory}`],
      ['Restart', 'always'],
      ['RestartSec', '1'],
      ['KillMode', 'mixed'],
      ['TimeoutStopSec', '60'],
      ['LimitNOFILE', '65536'],
    ],
    ...(withHost ? { Install: [['WantedBy', 'multi-user.target']] as const } : {}),
  };
  const sections = Object.entries(entries).map(([section, lines]) => [`[${section}]`, ...lines.map(([key, value]) => `${key}=${value}`), ''].join('\n'));
  return `# Written by zonewright head install.\n${sections.join('\n')}`;
}
