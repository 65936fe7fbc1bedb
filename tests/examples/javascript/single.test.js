// Sums and tanh in single precision: worked out by hand, and where a double would be rounded twice.

import assert from 'node:assert/strict';
import test from 'node:test';

import { sumInSingle, tangentInSingle } from '../../../examples/node/lib/single.js';

const EPSILON = 2 ** -23;

test('a product is not rounded before it is added', () => {
  const x = 1 + 2 ** -13;
  // x^2 - 1 is 2^-12 + 2^-26, of which a product that is rounded by itself loses the end.
  assert.equal(sumInSingle([-1, x], 0, [1, x], 0), 2 ** -12 + 2 ** -26);
});

test('a sum in the middle of two floats goes to the even one, unless the double has lost something', () => {
  const half = EPSILON / 2;
  assert.equal(sumInSingle([1, half], 0, [1, 1], 0), 1);
  assert.equal(sumInSingle([1 + EPSILON, half], 0, [1, 1], 0), 1 + 2 * EPSILON);
  // (1 - 2^-18) (1 + 2^-18) is 1 - 2^-36: so the sums are 2^-60 beside the middle, and a double has no room for that.
  const row = [1, 1 + 2 ** -18];
  assert.equal(sumInSingle([1 + EPSILON, half * (1 - 2 ** -18)], 0, row, 0), 1 + EPSILON);
  assert.equal(sumInSingle([1 + EPSILON, -half * (1 - 2 ** -18)], 0, row, 0), 1 + EPSILON);
});

test('what is added up starts anew after 256 products', () => {
  const ones = new Float32Array(257).fill(1);
  const row = new Float32Array(257).fill(0);
  row[0] = 2 ** 24;
  row[255] = 1; // Lost beside 2^24,
  row[256] = 1; // and this one too: it is added to the whole.
  assert.equal(sumInSingle(ones, 0, row, 0), 2 ** 24);
  assert.equal(sumInSingle(ones, 0, row.fill(0.5), 7), 135.5);
});

test('tanh is odd, near the true one, and flat from 9 on', () => {
  for (let x = -10; x <= 10; x += 0.0625) {
    assert.equal(tangentInSingle(-x), -tangentInSingle(x));
    assert.ok(Math.abs(tangentInSingle(x) - Math.tanh(x)) < 4 * EPSILON, String(x));
  }
  assert.equal(tangentInSingle(9), tangentInSingle(1e30));
});
