import { goalOf, nameOf, short, titleOf, type Report, type ReportedFigure } from './report.ts';

/** A report as `docs/performance.md` has it. */
export function markdown({ began, facts, figures, noise, remarks }: Report): string {
  const packages = Object.entries(facts.packages).map(([name, version]) => `${name} ${version}`);
  return [
    `Measured ${began.slice(0, 10)} on ${facts.system}, kernel ${facts.kernel}, ${facts.processors} × ${facts.processor}, ${facts.memoryMiB} MiB, ${facts.zfs}; ${packages.join(', ')}.`,
    noise.isQuiet ? 'The machine was quiet.' : `**The machine was too noisy to judge**: ${noise.reasons.join('; ')}.`,
    '',
    '| what | median (quartiles) | ratio (quartiles) | goal | |',
    '|---|---|---|---|---|',
    ...figures.map(rowOf),
    ...(remarks.length > 0 ? ['', ...remarks.map((remark) => `- ${remark}`)] : []),
    '',
  ].join('\n');
}

function rowOf(figure: ReportedFigure): string {
  const values = Object.entries(figure.spreads).map(([name, { low, median, high }]) => `${name}: ${short(median)} ${figure.unit} (${short(low)}–${short(high)})`);
  const ratios = figure.judged.map((one) => `${nameOf(one)}: ${short(one.ratio.median)}${one.over === undefined ? ` ${figure.unit}` : ''} (${short(one.ratio.low)}–${short(one.ratio.high)})`);
  const cells = [`${titleOf(figure)}${figure.remark === undefined ? '' : ` — ${figure.remark}`}`, values.join('<br>'), ratios.join('<br>'), figure.judged.map(goalOf).join('<br>'), figure.judged.map(({ verdict }) => verdict).join('<br>')];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
