/** What `main` is given when it is a process of its own. Everything heavy is loaded when it is first needed. */
import type { MainOptions } from './main.ts';

export function ownProcess(): MainOptions {
  const { stdin, stdout, stderr, env } = process;
  return {
    async openEngine(options) {
      const { agentEngine } = await import('../../agent/client/local-agent.ts');
      return (await agentEngine(options)) ?? (await import('../open-engine.ts')).openEngine(options);
    },
    followEvents: async () => (await import('../../agent/client/local-agent.ts')).followLocalEvents(),
    runInteractively: async (command) => (await import('../../host/run/interactive.ts')).runInteractively(command, consoleEnvironment(env)),
    streams: { stdin, stdout, stderr },
    environment: env,
    isRoot: process.getuid?.() === 0,
  };
}

/** The program that connects to a console needs to know the terminal, and nothing else of ours. */
function consoleEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const { PATH = '/usr/sbin:/usr/bin:/sbin:/bin', TERM = 'dumb' } = env;
  return { PATH, TERM };
}
