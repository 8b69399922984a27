import type { Diagnosis } from '../../doctor/check.ts';
import type { Command } from '../program.ts';

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'Say what this host can and cannot do, with a remedy for each gap',
  options: { json: { type: 'boolean', short: 'j', summary: 'as JSON' } },
  examples: [['zonewright doctor', 'exit status 0 when zones can run here, 1 when not']],
  async run({ values }) {
    const { diagnose, zonesCanRun } = await import('../../doctor/diagnose.ts');
    const diagnoses = await diagnose();
    const able = zonesCanRun(diagnoses);
    if (values['json']) process.stdout.write(`${JSON.stringify({ zones: able, checks: diagnoses }, null, 2)}\n`);
    else process.stdout.write(`${table(diagnoses)}\n\nZones ${able ? 'can' : 'cannot'} run on this host.\n`);
    return able ? 0 : 1;
  },
};

function table(diagnoses: readonly Diagnosis[]): string {
  const width = Math.max(...diagnoses.map(({ name }) => name.length)) + 2;
  const lines = diagnoses.flatMap(({ name, state, fact, remedy }) => [
    `${state.padEnd(9)}${name.padEnd(width)}${fact}`,
    ...(remedy === undefined ? [] : [`${' '.repeat(9 + width)}→ ${remedy}`]),
  ]);
  return lines.join('\n');
}
