// Numbers that have to be Python's: random ones, sines, statistics, digests.

import assert from 'node:assert/strict';
import test from 'node:test';

import { canonical, floatText, parseWithFloats } from '../../../examples/node/lib/canonical.js';
import { exponential, hyperbolicTangent } from '../../../examples/node/lib/functions.js';
import { Random } from '../../../examples/node/lib/random.js';
import { sha256 } from '../../../examples/node/lib/sha256.js';
import { meanInterval } from '../../../examples/node/lib/statistics.js';
import { expected, physics } from './expected.js';

test('random numbers are NumPy\'s, for small seeds and large ones', () => {
  for (const { seed, uniform, integers, more } of expected.random) {
    const random = new Random(BigInt(seed));
    assert.deepEqual(uniform.map(() => random.uniform(-1.5, 4)), uniform);
    assert.deepEqual(integers.map(() => random.integers(-9999, 9999)), integers);
    assert.deepEqual(more.map(() => random.uniform(0, 1)), more);
  }
});

test('sinf and cosf in the physics are the C library\'s', { skip: !expected.sines && 'no GNU C library here' }, () => {
  const { sinf, cosf } = new WebAssembly.Instance(physics).exports;
  for (const [x, sine, cosine] of expected.sines) {
    assert.ok(Object.is(sinf(x), sine) && Object.is(cosf(x), cosine), `at ${x}`);
  }
});

test('tanh and exp are right to two units in the last place', () => {
  for (const [x, tanh, exp] of expected.functions) {
    assert.ok(Math.abs(hyperbolicTangent(x) - tanh) <= 4.5e-16 * Math.abs(tanh), `tanh ${x}`);
    assert.ok(Math.abs(exponential(x) - exp) <= 4.5e-16 * exp, `exp ${x}`);
  }
  assert.deepEqual([-1000, 1000, NaN].map(exponential), [0, Infinity, NaN]);
  assert.deepEqual([-1000, -0, NaN].map(hyperbolicTangent), [-1, -0, NaN]);
});

test('floats are written as Python writes them', () => {
  for (const [text, value] of expected.floats) assert.equal(floatText(value), text);
});

test('JSON is written in the form of which digests are taken', () => {
  for (const [given, canonically, digest] of expected.json) {
    assert.equal(canonical(parseWithFloats(given)), canonically);
    assert.equal(sha256(canonically), digest);
  }
});

test('the interval of a mean is that of lander eval', () => {
  for (const { values, interval } of expected.intervals) {
    meanInterval(values).forEach((end, i) => assert.ok(Math.abs(end - interval[i]) < 1e-9, `${end}, ${interval[i]}`));
  }
});
