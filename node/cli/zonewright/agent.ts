import type { Command } from '../program.ts';

export const agentCommand: Command = {
  name: 'agent',
  summary: "The node's daemon: does the work of vmadm and imgadm, serves metadata to guests",
  options: {
    stay: { type: 'boolean', summary: 'do not end when nothing runs; without it only metadata is served' },
    'metrics-port': { type: 'string', value: 'PORT', summary: 'with --stay: answer /metrics and /healthz on 127.0.0.1 too' },
    'idle-seconds': { type: 'string', value: 'N', summary: 'end after so many seconds in which nothing runs (default 10)' },
  },
  examples: [['zonewright agent --stay', 'what a unit runs']],
  async run({ values }) {
    const { main } = await import('../../../agent/main.ts');
    const idle = values['idle-seconds'];
    const port = values['metrics-port'];
    return main([...(values['stay'] ? ['--stay'] : []), ...(typeof idle === 'string' ? ['--idle-seconds', idle] : []), ...(typeof port === 'string' ? ['--metrics-port', port] : [])]);
  },
};
