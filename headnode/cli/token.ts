import { headErrors } from '../errors.ts';
import { askHead } from '../ask-head.ts';
import { DATA_OPTION, textOf, type HeadCommand } from './command.ts';
import { directoryOf } from './directory.ts';

export const tokenCommand: HeadCommand = {
  name: 'token',
  summary: 'Make a token that lets one node join, once',
  options: { ...DATA_OPTION, ttl: { type: 'string', value: 'TIME', summary: 'how long it is good: 90s, 15m, 24h, 7d (default: 24h)' } },
  examples: [['zonewright head token --ttl 1h', 'then, on the node: zonewright join <token>']],
  async run(invocation) {
    const ttl = secondsOf(textOf(invocation, 'ttl') ?? '24h');
    const { token, expires } = await askHead<{ token: string; expires: string }>(await directoryOf(invocation), { method: 'POST', path: '/tokens', body: { ttl } });
    process.stdout.write(`${token}\n`);
    process.stderr.write(`Good for one node, until ${expires}.\n`);
    return 0;
  },
};

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

function secondsOf(text: string): number {
  const [, number, unit = 's'] = /^(\d{1,7})([smhd]?)$/.exec(text) ?? [];
  if (number === undefined) throw headErrors.InvalidArgument({ reason: `--ttl ${JSON.stringify(text)} is not a time like 90s, 15m, 24h or 7d` });
  return Number(number) * (UNITS[unit || 's'] ?? 1);
}
