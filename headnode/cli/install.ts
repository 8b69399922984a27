import { join } from 'node:path';
import { writeFileAtomically } from '../../host/files/atomic.ts';
import { run } from '../../host/run/run.ts';
import { DATA_OPTION, type HeadCommand } from './command.ts';
import { configure, LISTEN_OPTIONS } from './run.ts';
import { directoryOf } from './directory.ts';
import { headUnit, UNIT_NAME, UNIT_PATH } from '../unit.ts';

export const installCommand: HeadCommand = {
  name: 'install',
  summary: 'Run the head process as a systemd service, from now on and after each start of the host',
  options: { ...DATA_OPTION, ...LISTEN_OPTIONS, print: { type: 'boolean', summary: 'only show the unit' } },
  examples: [['zonewright head install --postgres --admin 10.77.0.1', 'writes the configuration and the unit, and starts it']],
  async run(invocation) {
    const directory = await directoryOf(invocation);
    const unit = headUnit({ program: join(import.meta.dirname, '../../bin/zonewright'), directory });
    if (invocation.values['print']) {
      process.stdout.write(unit);
      return 0;
    }
    await configure(directory, invocation);
    await writeFileAtomically(UNIT_PATH, unit, { durable: true, mode: 0o644 });
    await run(['systemctl', 'daemon-reload']);
    await run(['systemctl', 'enable', '--now', UNIT_NAME]);
    process.stdout.write(`${UNIT_NAME} runs; its configuration is ${join(directory, 'config.json')}\n`);
    return 0;
  },
};
