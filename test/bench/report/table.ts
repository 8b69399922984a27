import { goalOf, nameOf, short, titleOf, type Report, type ReportedFigure } from './report.ts';

/** A report for a terminal. */
export function table(report: Report): string {
  const { noise, remarks, failures } = report;
  return [
    ...report.figures.flatMap((figure) => ['', ...linesOf(figure)]),
    '',
    ...(noise.isQuiet ? ['the machine was quiet'] : ['THE MACHINE WAS TOO NOISY TO JUDGE:', ...noise.reasons.map((reason) => `  ${reason}`)]),
    ...remarks.map((remark) => `note: ${remark}`),
    ...failures.map((failure) => `FAILED ${failure}`),
    '',
  ].join('\n');
}

const WIDTH = 34;

function linesOf(figure: ReportedFigure): string[] {
  return [
    `${figure.part}: ${titleOf(figure)}`,
    ...Object.entries(figure.spreads).map(([name, { low, median, high }]) => `  ${name.padEnd(WIDTH)}${short(median).padStart(9)} ${figure.unit.padEnd(4)} (${short(low)} … ${short(high)}; ${figure.series[name]?.length ?? 0} rounds)`),
    ...figure.judged.map((one) => `  ${nameOf(one).padEnd(WIDTH + 20)}${`${short(one.ratio.median)}${one.over === undefined ? ` ${figure.unit}` : '×'}`.padStart(9)}  (${short(one.ratio.low)} … ${short(one.ratio.high)})  ${[goalOf(one), one.verdict].filter((text) => text !== '').join(': ')}`.trimEnd()),
    ...(figure.remark === undefined ? [] : [`  ${figure.remark}`]),
  ];
}
