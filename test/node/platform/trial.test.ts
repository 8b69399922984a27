import assert from 'node:assert/strict';
import { test } from 'node:test';
import { meaningOf, type Trial } from '../../../node/platform/trial.ts';
import type { ThisBoot } from '../../../node/platform/platform-host.ts';
import { stamp } from '../../support/platform-image.ts';

const [OLD, NEW] = [stamp(1), stamp(2)];
const NOW = '2026-11-21T15:42:00.000Z';
const asked: Trial = { v: 1, stamp: NEW, from: OLD, state: 'waiting', bootId: 'first', instances: [], date: NOW };
const boot = (facts: Partial<ThisBoot>): ThisBoot => ({ stamp: OLD, fromDisk: true, trialSeconds: undefined, bootId: 'second', ...facts });

/** [what happens, the record, the boot, what it means] */
const CASES: ReadonlyArray<readonly [string, Trial | undefined, Partial<ThisBoot>, string, RegExp?]> = [
  ['a boot without any trial', undefined, {}, 'nothing'],
  ['the boot in which it was asked for', asked, { bootId: 'first' }, 'nothing'],
  ['the trial boot', asked, { stamp: NEW, trialSeconds: 600 }, 'judge'],
  ['a trial boot that a head node ordered', undefined, { stamp: NEW, trialSeconds: 600, fromDisk: false }, 'judge'],
  ['a trial boot whose judge was started again', { ...asked, state: 'running', bootId: 'second' }, { stamp: NEW, trialSeconds: 600 }, 'judge'],
  ['a trial boot that was judged', { ...asked, state: 'passed', bootId: 'second' }, { stamp: NEW, trialSeconds: 600 }, 'nothing'],
  ['another trial of an image that failed before', { ...asked, state: 'failed' }, { stamp: NEW, trialSeconds: 600 }, 'judge'],
  ['the image before, without a word of the one on trial', asked, {}, 'failed', /panicked, hung, or could not be loaded/],
  ['the image before, after one that was not healthy', { ...asked, state: 'running', reason: 'no agent runs' }, {}, 'failed', /not healthy in time: no agent runs/],
  ['the image before, after one that ended by itself', { ...asked, state: 'running' }, {}, 'failed', /ended before it was healthy/],
  ['the image on trial, chosen by hand', asked, { stamp: NEW }, 'failed', /by hand/],
  ['boots long after', { ...asked, state: 'passed' }, { stamp: NEW }, 'nothing'],
  ['boots long after a failure', { ...asked, state: 'failed' }, {}, 'nothing'],
  ['a host that does not run from memory', asked, { stamp: undefined }, 'nothing'],
];

for (const [what, last, facts, kind, reason] of CASES) {
  test(`${what} means ${kind}`, () => {
    const meaning = meaningOf(boot(facts), last, NOW);
    assert.equal(meaning.kind, kind);
    if (reason) assert.match(meaning.kind === 'failed' ? (meaning.trial.reason ?? '') : '', reason);
  });
}
