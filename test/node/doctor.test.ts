import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHECKS, diagnose, zonesCanRun } from '../../node/doctor/diagnose.ts';

test('every gap that doctor finds comes with a remedy', async () => {
  const diagnoses = await diagnose();
  assert.equal(diagnoses.length, CHECKS.length);
  for (const { name, state, fact, remedy } of diagnoses) {
    assert.notEqual(fact, '', name);
    assert.equal(remedy !== undefined, state !== 'ok', `${name}: ${state}, ${fact}`);
    assert.doesNotMatch(fact, /^cannot tell/, name);
  }
});

test('each check has a name of its own', () => {
  assert.equal(new Set(CHECKS.map(({ name }) => name)).size, CHECKS.length);
});

test('zones can run with limits, and cannot when something needed is missing', () => {
  const base = { fact: 'x', remedy: 'y' };
  assert.equal(zonesCanRun([{ ...base, name: 'a', needed: true, state: 'limited' }, { ...base, name: 'b', needed: false, state: 'missing' }]), true);
  assert.equal(zonesCanRun([{ ...base, name: 'a', needed: true, state: 'missing' }]), false);
});
