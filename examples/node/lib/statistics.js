// The mean of returns and its 95% interval, as `lander eval` computes them (runtime/lander_runtime/scores/): the
// bootstrap's generator has a fixed seed, so the interval is the same.

import { Random } from './random.js';

const RESAMPLES = 2000;
const NORMAL = 1.959963984540054; // the normal distribution's 97.5% quantile

/** @param {ArrayLike<number>} values */
export function mean(values) {
  return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}

/** Population standard deviation. */
export function deviation(values) {
  const middle = mean(values);
  return Math.sqrt(mean(Array.from(values, (value) => (value - middle) ** 2)));
}

/**
 * The 95% interval of the mean of two or more values: bootstrap, stretched by sqrt(n / (n - 1)) and by Student's
 * quantile over the normal one, without which it is too narrow for few values.
 * @returns {[number, number]}
 */
export function meanInterval(values) {
  const count = values.length;
  const random = new Random(0);
  const means = new Float64Array(RESAMPLES);
  for (let i = 0; i < RESAMPLES; i++) {
    let sum = 0;
    for (let j = 0; j < count; j++) sum += values[random.integers(0, count)];
    means[i] = sum / count;
  }
  means.sort();
  const middle = mean(values);
  const stretch = (Math.sqrt(count / (count - 1)) * studentQuantile(count - 1)) / NORMAL;
  return [0.025, 0.975].map((share) => middle + (quantile(means, share) - middle) * stretch);
}

/** Of sorted values, between neighbours by proportion. */
function quantile(sorted, share) {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  return sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
}

/** The 97.5% quantile of Student's distribution: exact for 1 and 2, else Abramowitz and Stegun 26.7.5. */
function studentQuantile(freedom) {
  const z = NORMAL;
  if (freedom === 1) return Math.tan(Math.PI * 0.475);
  if (freedom === 2) return 0.95 * Math.sqrt(2 / (1 - 0.95 ** 2));
  const terms = [
    z,
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
    (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160,
  ];
  return terms.reduce((sum, term, power) => sum + term / freedom ** power, 0);
}
