import { titleOf, type Report, type ReportedFigure } from './report.ts';
import { plot, type Curve } from './svg.ts';

/** One drawing for each thing that was measured: along its scale where it has one, else along the rounds. */
export function curves({ figures }: Report): Array<{ name: string; svg: string }> {
  const groups = Map.groupBy(figures, ({ part, what, along }) => [part, along === undefined ? what : `${what} by ${along}`].join(' '));
  return [...groups].map(([title, group]) => ({ name: title.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, ''), svg: drawingOf(title, group) }));
}

function drawingOf(title: string, group: readonly ReportedFigure[]): string {
  const [first] = group;
  if (!first) return '';
  const unit = first.unit;
  if (first.along === undefined) return plot({ title: titleOf(first), xLabel: 'round', yLabel: unit, curves: Object.entries(first.series).map(([name, values]) => ({ name, points: values.map((y, index) => ({ x: index + 1, y })) })) });
  const names = [...new Set(group.flatMap(({ spreads }) => Object.keys(spreads)))];
  const curve = (name: string): Curve => ({ name, points: group.flatMap(({ at, spreads }) => (spreads[name] ? [{ x: at ?? 0, y: spreads[name].median, low: spreads[name].low, high: spreads[name].high }] : [])) });
  return plot({ title, xLabel: first.along, yLabel: unit, curves: names.map(curve) });
}
