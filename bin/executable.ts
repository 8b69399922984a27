/** The platform's one executable: every program of ours in one file, which answers to the name it is called by. */
import { basename } from 'node:path';

const args = process.argv.slice(2);

const PROGRAMS: Readonly<Record<string, () => Promise<number>>> = {
  zonewright: async () => (await import('../node/cli/zonewright.ts')).main(args),
  'zonewright-agent': async () => (await import('../agent/main.ts')).main(args),
  sysinfo: async () => (await import('../node/cli/zonewright.ts')).main(['sysinfo', ...args]),
  nictagadm: async () => (await import('../node/cli/nictagadm.ts')).main(args),
  piadm: async () => (await import('../node/cli/piadm.ts')).main(args),
  imgadm: async () => (await import('../imgadm/cli/main.ts')).main(args),
  zlogin: async () => (await import('../vmadm/cli/zlogin.ts')).main(args),
  vmadm: async () => {
    const [{ main }, { ownProcess }] = await Promise.all([import('../vmadm/cli/main.ts'), import('../vmadm/cli/own-process.ts')]);
    return main([process.execPath, process.argv0, ...args], ownProcess());
  },
};

async function start(name: string): Promise<void> {
  const program = PROGRAMS[name] ?? PROGRAMS['zonewright'];
  const status = await program?.();
  // Guests that are connected do not keep the agent from ending.
  if (name === 'zonewright-agent') process.exit(status);
  process.exitCode = status;
}

void start(basename(process.argv0));
