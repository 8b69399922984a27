import type { Command } from '../program.ts';

export const agentCommand: Command = {
  name: 'agent',
  summary: "The node's daemon: serves metadata to guests; commands start it when it is needed",
  options: {
    stay: { type: 'boolean', summary: 'do not end when nothing runs' },
    'idle-seconds': { type: 'string', value: 'N', summary: 'end after so many seconds in which nothing runs (default 10)' },
  },
  examples: [['zonewright agent --stay', 'what a unit runs']],
  async run({ values }) {
    const { main } = await import('../../../agent/main.ts');
    const idle = values['idle-seconds'];
    return main([...(values['stay'] ? ['--stay'] : []), ...(typeof idle === 'string' ? ['--idle-seconds', idle] : [])]);
  },
};
