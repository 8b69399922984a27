import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CLOUDAPI, type Head } from './head-host.ts';
import type { Shell } from './hosts.ts';

/** npm's command, as its package installs it. */
export const TRITON = 'test/headnode/clients/node_modules/triton/bin/triton';

/** Somebody with an account, at a shell with npm's `triton` command. */
export interface Customer {
  /** `triton <args>`, shown as it is typed. @returns what it prints */
  triton(...args: readonly string[]): Promise<string>;
  /** The same, without showing it: for looking whether something has come to be. */
  ask(...args: readonly string[]): Promise<string>;
  /** A shell's environment for the same commands. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where the commands are run. */
  readonly host: Pick<Shell, 'run' | 'argv'>;
}

/** The host at which a customer sits, with the directory for the home. */
export interface Desk {
  readonly host: Pick<Shell, 'run' | 'argv'>;
  readonly directory: string;
}

/** Give a customer an account and a key. @param show is told each command and its answer */
export async function newCustomer(head: Head, { host, directory }: Desk, account: string, show: (text: string) => void): Promise<Customer> {
  const home = join(directory, account);
  await mkdir(join(home, '.ssh'), { recursive: true, mode: 0o700 });
  await host.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', account, '-f', join(home, '.ssh/id_ed25519')]);
  await head.command('account', 'add', account, '--email', `${account}@example.com`);
  await head.command('key', 'add', account, await head.host.bring(join(home, '.ssh/id_ed25519.pub')));
  const { stdout } = await host.run(['ssh-keygen', '-l', '-E', 'md5', '-f', join(home, '.ssh/id_ed25519.pub')]);
  const fingerprint = /MD5:([0-9a-f:]+)/.exec(stdout)?.[1] ?? '';
  const environment = { HOME: home, NODE_NO_WARNINGS: '1', TRITON_URL: CLOUDAPI, TRITON_ACCOUNT: account, TRITON_KEY_ID: fingerprint };
  const run = async (args: readonly string[], told: (text: string) => void): Promise<string> => {
    const answer = await host.run([process.execPath, TRITON, ...args], { environment, acceptExitCodes: Array.from({ length: 256 }, (_, code) => code) });
    told(`$ triton ${args.join(' ')}\n${answer.stdout}${answer.stderr}`.trimEnd());
    if (answer.exitCode !== 0) throw new Error(`triton ${args.join(' ')} ended with status ${answer.exitCode}: ${answer.stderr}`);
    return answer.stdout.trim();
  };
  return {
    host,
    environment,
    triton: (...args) => run(args, show),
    ask: (...args) => run(args, () => undefined),
  };
}
