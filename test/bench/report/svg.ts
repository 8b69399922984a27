/** Curves as SVG. Names are text only: everything that a document could mistake for its own is escaped. */

export interface Point {
  readonly x: number;
  readonly y: number;
  /** Quartiles. */
  readonly low?: number;
  readonly high?: number;
}

export interface Curve {
  readonly name: string;
  readonly points: readonly Point[];
}

export interface Plot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly curves: readonly Curve[];
}

const SIZE = { width: 760, height: 420, left: 70, right: 220, top: 44, bottom: 54 };
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#7f7f7f'];

/** Draw curves from zero upwards. */
export function plot({ title, xLabel, yLabel, curves }: Plot): string {
  const points = curves.flatMap((curve) => curve.points);
  const xs = points.map(({ x }) => x);
  const [first, last] = [Math.min(...xs), Math.max(...xs)];
  const top = niceTop(Math.max(...points.map(({ y, high }) => Math.max(y, high ?? 0)), 1e-9));
  const x = (value: number): number => SIZE.left + (last === first ? 0.5 : (value - first) / (last - first)) * (SIZE.width - SIZE.left - SIZE.right);
  const y = (value: number): number => SIZE.height - SIZE.bottom - (value / top) * (SIZE.height - SIZE.top - SIZE.bottom);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE.width} ${SIZE.height}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    label(SIZE.left, 24, title, 'font-size="15"'),
    ...[0, 0.25, 0.5, 0.75, 1].map((share) => rule(y(share * top), short(share * top))),
    ...[...new Set(xs)].map((value) => label(x(value), SIZE.height - SIZE.bottom + 18, value.toLocaleString('en'), 'text-anchor="middle"')),
    label((SIZE.left + SIZE.width - SIZE.right) / 2, SIZE.height - 12, xLabel, 'text-anchor="middle"'),
    label(12, SIZE.top - 8, yLabel, ''),
    ...curves.map((curve, index) => drawn(curve, { x, y, index })),
    '</svg>',
    '',
  ].join('\n');
}

interface Place {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
  readonly index: number;
}

function drawn({ name, points }: Curve, { x, y, index }: Place): string {
  const colour = COLOURS[index % COLOURS.length] ?? 'black';
  const line = points.map((point) => `${fixed(x(point.x))},${fixed(y(point.y))}`).join(' ');
  const spreads = points.flatMap(({ x: at, low, high }) => (low === undefined || high === undefined ? [] : [`<path d="M${fixed(x(at))} ${fixed(y(low))}V${fixed(y(high))}" stroke="${colour}" stroke-opacity="0.5" stroke-width="3"/>`]));
  const dots = points.map((point) => `<circle cx="${fixed(x(point.x))}" cy="${fixed(y(point.y))}" r="3" fill="${colour}"/>`);
  const place = SIZE.top + 18 * index;
  return [`<polyline points="${line}" fill="none" stroke="${colour}" stroke-width="1.5"/>`, ...spreads, ...dots, `<rect x="${SIZE.width - SIZE.right + 16}" y="${place - 9}" width="10" height="10" fill="${colour}"/>`, label(SIZE.width - SIZE.right + 32, place, name, '')].join('\n');
}

function rule(y: number, text: string): string {
  return `<path d="M${SIZE.left} ${fixed(y)}H${SIZE.width - SIZE.right}" stroke="#ddd"/>${label(SIZE.left - 8, y + 4, text, 'text-anchor="end"')}`;
}

function label(x: number, y: number, text: string, attributes: string): string {
  return `<text x="${fixed(x)}" y="${fixed(y)}" ${attributes}>${escaped(text)}</text>`;
}

/** Characters that XML has no place for are left out, those with a meaning are escaped. */
function escaped(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  const allowed = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '');
  return allowed.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 8, 10].map((step) => step * power).find((step) => step >= value) ?? value;
}

function short(value: number): string {
  return value >= 100 || value === 0 ? value.toFixed(0) : value.toPrecision(2);
}

function fixed(value: number): string {
  return value.toFixed(1);
}
