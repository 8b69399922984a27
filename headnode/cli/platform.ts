import { join } from 'node:path';
import { readNode } from '../../host/config/node-config.ts';
import { isErrorCode } from '../../host/errors/errors.ts';
import { IMAGE_KEYS, trustedKeys } from '../../host/signature/keys.ts';
import { headErrors } from '../errors.ts';
import { askHead } from '../ask-head.ts';
import { serversOf } from './servers.ts';
import { nounCommand, shownList, type VerbInvocation } from './verbs.ts';

const COLUMNS = { STAMP: 'stamp', DEFAULT: 'default', SERVERS: 'servers', 'ON TRIAL': 'trials' };

export const platformCommand = nounCommand({
  name: 'platform',
  summary: 'Platform images that nodes boot from the network',
  options: { trial: { type: 'boolean', summary: 'only for the next boot: a node that does not come up healthy boots the one before again' } },
  verbs: [
    { name: 'list', run: async (asked) => shownList(asked, await listed(asked.directory), COLUMNS) },
    { name: 'install', operands: '<directory | .tar | .iso | URL | media>', operandCount: [1, 1], run: install },
    { name: 'assign', operands: '<stamp> <server | all | default>…', operandCount: [2, 1000], options: ['trial'], run: assign },
    { name: 'remove', operands: '<stamp>', operandCount: [1, 1], run: remove },
  ],
  examples: [
    ['zonewright head platform install platform-20261121T154200Z.tar', 'its signature is checked; the first one becomes what new machines boot'],
    ['zonewright head platform assign 20261121T154200Z rack-1 --trial', 'at its next boot the node tries it, and stays with it when it is healthy'],
    ['zonewright head platform assign 20261121T154200Z default', 'for machines that are seen for the first time from now on'],
  ],
});

interface BootMachine {
  readonly server_uuid: string | null;
  readonly platform: string | null;
  readonly trial: string | null;
  readonly trial_state: string | null;
}

async function listed(directory: string): Promise<Array<Record<string, unknown>>> {
  const [platforms, machines, fallback] = await Promise.all([
    askHead<Record<string, object>>(directory, { method: 'GET', path: '/platforms' }),
    askHead<BootMachine[]>(directory, { method: 'GET', path: '/boot_machines' }),
    askHead<{ platform?: string }>(directory, { method: 'GET', path: '/boot/default' }),
  ]);
  return Object.keys(platforms).map((stamp) => ({
    stamp,
    default: fallback.platform === stamp ? 'yes' : undefined,
    servers: machines.filter(({ platform }) => platform === stamp).length,
    trials: machines.filter(({ trial, trial_state }) => trial === stamp && (trial_state === 'waiting' || trial_state === 'booting')).length,
  }));
}

async function install({ directory, operands: [from = ''] }: VerbInvocation): Promise<string> {
  const { installPlatform } = await import('../boot/install-platform.ts');
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  const { stamp, present } = await installPlatform({ platforms: join(directory, 'platforms'), from, keys: await trustedKeys(await keyDirectories(directory)), signal: interrupted.signal, say: (line) => process.stderr.write(`${line}\n`) });
  const isFirst = await becomesDefault(directory, stamp);
  return `${stamp} ${present ? 'was here' : 'is installed'}${isFirst ? '; it is what new machines boot' : ''}`;
}

/** A head that has a platform and no default would let every machine wait. A head that does not run yet is told later. */
async function becomesDefault(directory: string, stamp: string): Promise<boolean> {
  try {
    if ((await askHead<{ platform?: string }>(directory, { method: 'GET', path: '/boot/default' })).platform !== undefined) return false;
    await askHead(directory, { method: 'POST', path: '/boot/default', body: { platform: stamp } });
    return true;
  } catch (error) {
    if (isErrorCode(error, 'HeadNotRunning')) return false;
    throw error;
  }
}

/** Those of the image that this host runs from, the operator's on the head, and on its node. */
async function keyDirectories(directory: string): Promise<string[]> {
  const own = [IMAGE_KEYS, join(directory, 'platform-keys')];
  try {
    return [...own, join((await readNode()).paths.config, 'platform-keys')];
  } catch (error) {
    if (isErrorCode(error, 'NodeNotReady')) return own;
    throw error;
  }
}

async function assign({ directory, operands: [stamp = '', ...names], values }: VerbInvocation): Promise<string> {
  const trial = values['trial'] === true;
  if (trial && names.includes('default')) throw headErrors.UsageError({ reason: 'platform assign: machines that nobody knows yet have nothing to go back to, so the default is no trial' });
  const platforms = await askHead<Record<string, object>>(directory, { method: 'GET', path: '/platforms' });
  if (!Object.hasOwn(platforms, stamp)) throw headErrors.PlatformNotFound({ platform: stamp });
  const servers = await serversOf(directory, names.filter((name) => name !== 'default'));
  if (names.includes('default')) await askHead(directory, { method: 'POST', path: '/boot/default', body: { platform: stamp } });
  for (const { uuid } of servers) await askHead(directory, { method: 'PUT', path: `/servers/${uuid}/${trial ? 'platform-trial' : 'platform'}`, body: { platform: stamp } });
  return [...(names.includes('default') ? ['default'] : []), ...servers.map(({ hostname, uuid }) => `${hostname} (${uuid})`)].map((who) => `${who}: ${stamp}${trial ? ' at the next boot, on trial' : ' from the next boot on'}`).join('\n');
}

async function remove({ directory, operands: [stamp = ''] }: VerbInvocation): Promise<string> {
  const found = (await listed(directory)).find((one) => one['stamp'] === stamp);
  if (!found) throw headErrors.PlatformNotFound({ platform: stamp });
  const users = [...(found['default'] === undefined ? [] : ['new machines']), ...(Number(found['servers']) + Number(found['trials']) > 0 ? [`${String(Number(found['servers']) + Number(found['trials']))} machines`] : [])];
  if (users.length > 0) throw headErrors.PlatformInUse({ platform: stamp, users: users.join(' and ') });
  const { removePlatform } = await import('../boot/install-platform.ts');
  await removePlatform(join(directory, 'platforms'), stamp);
  return '';
}
