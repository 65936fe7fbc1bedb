// Sums and tanh in single precision, rounded where ONNX Runtime rounds them on an x86-64 processor with FMA: throttles
// are numbers, and their last bits steer the lander. Learned from its own results, and compared with them by the tests.
// Doubles carry it: a product of two floats fits into one.

const BLOCK = 256; // weights of an output are added up in blocks of so many

/** The sum of weight x input, each product added without being rounded first, and `start` added to each block's sum. */
export function sumInSingle(weights, at, row, start) {
  let total = start;
  for (let first = 0; first < row.length; first += BLOCK) {
    const end = Math.min(first + BLOCK, row.length);
    let sum = 0;
    for (let j = first; j < end; j++) sum = multiplyAdd(weights[at + j], row[j], sum);
    total = Math.fround(sum + total);
  }
  return total;
}

/** a x b + c of floats, rounded once. */
function multiplyAdd(a, b, c) {
  const product = a * b;
  const sum = product + c;
  const rounded = Math.fround(sum);
  const rest = sum - rounded;
  const other = rounded + 2 * rest;
  // Rounding twice is wrong only where the double lies in the middle of two floats and was itself rounded.
  if (rest === 0 || Math.fround(other) !== other) return rounded;
  const taken = sum - product;
  const error = product - (sum - taken) + (c - taken);
  return error === 0 ? rounded : error > 0 ? Math.max(rounded, other) : Math.min(rounded, other);
}

// x P(x^2) / Q(x^2) between -9 and 9, as in Eigen and in ONNX Runtime's mlas/lib/tanh.cpp.
const P = [
  -2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-8, 1.48572235717979e-5,
  6.37261928875436e-4, 4.89352455891786e-3,
].map(Math.fround);
const Q = [1.19825839466702e-6, 1.18534705686654e-4, 2.268434632439e-3, 4.89352518554385e-3].map(Math.fround);

/** The hyperbolic tangent of a float. */
export function tangentInSingle(x) {
  const limited = Math.min(Math.max(x, -9), 9);
  const square = Math.fround(limited * limited);
  const series = (terms) => terms.reduce((sum, term) => multiplyAdd(sum, square, term));
  return Math.fround(Math.fround(limited * series(P)) / series(Q));
}
