// Policy files: opened and checked, or refused with the reason.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { OutputUnclear, Refused, openPolicy } from '../../../examples/node/index.js';
import { expected } from './expected.js';

for (const { file, observations, actions, probabilities } of expected.actions) {
  test(`the actions of ${file} are those of ONNX Runtime`, () => {
    const policy = openPolicy(readFileSync(file));
    observations.forEach((observation, i) => {
      const action = policy.act(observation);
      if (typeof action === 'number') assert.equal(action, actions[i]);
      else actions[i].forEach((value, j) => assert.ok(Math.abs(value - action[j]) < 1e-5));
      probabilities?.[i].forEach((value, j) => assert.ok(Math.abs(value - policy.probabilities(observation)[j]) < 1e-5));
    });
  });
}

for (const { file, words } of expected.refused) {
  test(`${file} is refused`, () => {
    assert.throws(() => openPolicy(readFileSync(file)), (error) => error instanceof Refused && error.message.includes(words));
  });
}

test('where two outputs could be the action, the caller chooses', () => {
  const bytes = readFileSync(expected.unclear);
  assert.throws(() => openPolicy(bytes), (error) => {
    assert.ok(error instanceof OutputUnclear);
    assert.deepEqual(error.outputs, ['first', 'second']);
    return true;
  });
  const [first, second] = ['first', 'second'].map((output) => openPolicy(bytes, { output }));
  const observation = [1, 0, 0, 0, 0, 0, 0, 0];
  assert.deepEqual([first.act(observation), second.act(observation)], [2, 3]);
  assert.throws(() => openPolicy(bytes, { output: 'third' }), Refused);
});

test('a file that is cut anywhere is refused, and nothing else happens', () => {
  const bytes = readFileSync(expected.actions[0].file);
  for (let length = 0; length < bytes.length; length += 97) {
    assert.throws(() => openPolicy(bytes.subarray(0, length)), Refused);
  }
});

test('a file with a changed byte is refused, or is a policy still', () => {
  const bytes = readFileSync(expected.actions[0].file);
  for (let at = 0; at < bytes.length; at += 211) {
    const changed = Uint8Array.from(bytes);
    changed[at] ^= 1 << at % 8;
    try {
      openPolicy(changed);
    } catch (error) {
      assert.ok(error instanceof Refused, `byte ${at}: ${error.stack}`);
    }
  }
});
