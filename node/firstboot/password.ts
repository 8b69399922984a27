import { run } from '../../host/run/run.ts';

/** Hash a password as /etc/shadow has it (sha512). It goes to the program by its standard input, since everybody can read arguments. */
export async function hashPassword(password: string): Promise<string> {
  const { stdout } = await run(['openssl', 'passwd', '-6', '-stdin'], { input: `${password}\n` });
  return stdout.trim();
}
