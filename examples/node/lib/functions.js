// Functions of numbers, made of sums, products and quotients alone: `Math.tanh` and `Math.exp` differ from engine to
// engine in their last digits, and one digit can change an episode.

const LN2_HIGH = 6.93147180369123816490e-1;
const LN2_LOW = 1.90821492927058770002e-10;
const INVERSES = Array.from({ length: 15 }, (_, n) => 1 / n); // Multiplying is faster than dividing.

/** e to the x. */
export function exponential(x) {
  if (!(x > -745)) return x === x ? 0 : x;
  if (x > 709) return Infinity;
  const [doublings, rest] = halved(x);
  // In two steps: 2^-1074 has no exponent of its own.
  const half = Math.trunc(doublings / 2);
  return (1 + lessOne(rest)) * powerOfTwo(half) * powerOfTwo(doublings - half);
}

/** x as whole multiples of ln 2, and what is left. */
function halved(x) {
  const doublings = Math.round(x / Math.LN2);
  return [doublings, x - doublings * LN2_HIGH - doublings * LN2_LOW];
}

/** e to the x, less 1, for |x| < 0.35: Taylor's series from its smallest term on. */
function lessOne(x) {
  let sum = 0;
  for (let n = 14; n >= 1; n--) sum = x * INVERSES[n] * (1 + sum);
  return sum;
}

const EXPONENT = new DataView(new ArrayBuffer(8));

function powerOfTwo(n) {
  EXPONENT.setInt32(0, (n + 1023) << 20);
  return EXPONENT.getFloat64(0);
}

/** Within two units in the last place, and odd. */
export function hyperbolicTangent(x) {
  const size = Math.abs(x);
  if (!(size > 0 && size < 20)) return size === 0 || x !== x ? x : Math.sign(x);
  const [doublings, rest] = halved(2 * size);
  const power = powerOfTwo(doublings);
  // e^2x - 1, without the digits that 1 - 2 / (e^2x + 1) would lose.
  const grown = power * lessOne(rest) + (power - 1);
  const tangent = grown / (grown + 2);
  return x < 0 ? -tangent : tangent;
}

export function sigmoid(x) {
  return 1 / (1 + exponential(-x));
}

/** Of logits. */
export function probabilities(logits) {
  const most = Math.max(...logits);
  const weights = Array.from(logits, (logit) => exponential(logit - most));
  const sum = weights.reduce((total, one) => total + one, 0);
  return weights.map((one) => one / sum);
}

/** The place of the largest number. */
export function largest(row) {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i] > row[best]) best = i;
  return best;
}
