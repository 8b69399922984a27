import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, type Figure } from './measure/figure.ts';
import { noiseOf } from './measure/noise.ts';
import { ratios, spreadOf } from './measure/statistics.ts';
import { plot } from './report/svg.ts';

const FIGURE: Figure = { part: 'create', what: 'create', unit: 'ms', series: { ours: [20, 22, 24], floor: [10, 11, 12] } };

test('the median and the quartiles are those of the values, whatever their order', () => {
  assert.deepEqual(spreadOf([5, 1, 3, 2, 4]), { low: 2, median: 3, high: 4 });
  assert.deepEqual(spreadOf([2, 1]), { low: 1.25, median: 1.5, high: 1.75 });
  assert.throws(() => spreadOf([]), /nothing was measured/);
});

test('a ratio is taken round by round', () => {
  assert.deepEqual(ratios([20, 30], [10, 10]), [2, 3]);
});

test('a goal is met or missed on a quiet machine, and not judged on a noisy one', () => {
  const verdict = (goal: { atMost?: number; atLeast?: number }, isQuiet: boolean): string | undefined => judge({ ...FIGURE, comparisons: [{ of: 'ours', over: 'floor', ...goal }] }, isQuiet)[0]?.verdict;
  assert.equal(verdict({ atMost: 2 }, true), 'met');
  assert.equal(verdict({ atMost: 1.5 }, true), 'missed');
  assert.equal(verdict({ atLeast: 3 }, true), 'missed');
  assert.equal(verdict({ atMost: 2 }, false), 'too noisy');
  assert.equal(verdict({}, false), '');
});

test('a ratio whose rounds differ too much is not judged, unless all of them are far from the goal', () => {
  const verdict = (atMost: number): string | undefined => judge({ ...FIGURE, series: { ours: [10, 20, 60], floor: [10, 10, 10] }, comparisons: [{ of: 'ours', over: 'floor', atMost }] }, true)[0]?.verdict;
  assert.equal(verdict(2), 'too noisy');
  assert.equal(verdict(100), 'met');
  assert.equal(verdict(0.5), 'missed');
});

test('a machine is noisy when the same work takes different times, when it gets slower, when others work, and when it was loaded before', () => {
  const steady = Array.from({ length: 9 }, () => ({ milliseconds: 100, others: 0 }));
  assert.equal(noiseOf(steady, 0).isQuiet, true);
  assert.match(noiseOf(steady.map((one, index) => ({ ...one, milliseconds: index % 2 === 0 ? 100 : 150 })), 0).reasons.join(), /more or less time/);
  assert.match(noiseOf(steady.map((one, index) => ({ ...one, milliseconds: 100 + 4 * index })), 0).reasons.join(), /changed by/);
  assert.match(noiseOf(steady.map((one) => ({ ...one, others: 1 })), 0).reasons.join(), /other programs/);
  assert.match(noiseOf(steady, 2).reasons.join(), /load before/);
});

test('names in a drawing are text, whatever they hold', () => {
  const hostile = ['</text><script>alert(1)</script>', '"\'&', 'a\u0000b\u001b[31m'];
  for (const name of hostile) {
    const svg = plot({ title: name, xLabel: name, yLabel: name, curves: [{ name, points: [{ x: 1, y: 1 }] }] });
    assert.ok(['<script>', '\u0000', '\u001b'].every((text) => !svg.includes(text)));
    assert.equal((svg.match(/<text /g) ?? []).length, (svg.match(/<\/text>/g) ?? []).length);
  }
});
