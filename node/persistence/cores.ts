import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { run } from '../../host/run/run.ts';

/** Read by init's own service at boot: init itself turns core files off when it starts. */
const SETTING = '/run/sysctl.d/80-zonewright-cores.conf';

/** Let programs of the host that crash leave their memory in the pool, in a directory that only root reads. */
export async function keepCores(directory: string): Promise<void> {
  await chmod(directory, 0o700);
  await mkdir('/run/sysctl.d', { recursive: true });
  await writeFile(SETTING, `kernel.core_pattern = ${directory}/core.%e.%p.%t\n`);
  if (existsSync('/run/systemd/system')) await run(['sysctl', '--quiet', '--load', SETTING]);
}
