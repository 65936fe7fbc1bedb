// Exponential, logarithm and hyperbolic tangent of our own, because those of the C libraries differ in their last bits
// and take one number at a time. The first two have the coefficients of Moshier's Cephes library (expf.c, logf.c).
#pragma once

#include <limits>

#include "numbers/vector.hpp"

namespace learner {

using lander::Floats;
using lander::floats;
using lander::Integers;
using lander::select;

inline constexpr float infinity = std::numeric_limits<float>::infinity();

// e^x, within 2 units in the last place; 0 below -87.3, where floats lose digits, and infinite above 88.7.
LANDER_INLINE Floats exponential(Floats x) {
  // x = n ln 2 + r with |r| <= ln 2 / 2; ln 2 in two parts, the first short enough for an exact product.
  const Floats in_range = lander::clamp(x, floats(-87.3f), floats(88.7f));
  const Floats n = lander::round_to_nearest(in_range * 1.44269504088896341f);
  const Floats r = (in_range - n * 0.693359375f) - n * -2.12194440e-4f;
  Floats series = r * 1.9875691500e-4f + 1.3981999507e-3f;
  series = series * r + 8.3334519073e-3f;
  series = series * r + 4.1665795894e-2f;
  series = series * r + 1.6666665459e-1f;
  series = series * r + 5.0000001201e-1f;
  series = (series * r) * r + (r + 1.0f);
  // In two factors, because 2^128 is no float.
  const Integers whole = lander::to_integer(n), half = whole >> 1;
  const Floats power = series * (Floats)((half + 127) << 23) * (Floats)((whole - half + 127) << 23);
  const Floats finite = select(x < -87.3f, Floats{}, select(x > 88.7f, floats(infinity), power));
  return select(x == x, finite, x);
}

// The natural logarithm of a normal positive number, within 1 unit in the last place.
LANDER_INLINE Floats logarithm(Floats x) {
  // x = m 2^e with m in [sqrt(1/2), sqrt(2)).
  const Integers bits = (Integers)x;
  Integers exponent = (bits >> 23) - 126;
  Floats m = (Floats)((bits & 0x007fffff) | 0x3f000000);
  const lander::Mask low = m < 0.707106781186547524f;
  exponent += low;  // -1 where it holds
  m = select(low, m + m, m) - 1.0f;
  const Floats e = lander::to_floats(exponent), square = m * m;
  Floats series = m * 7.0376836292e-2f + -1.1514610310e-1f;
  series = series * m + 1.1676998740e-1f;
  series = series * m + -1.2420140846e-1f;
  series = series * m + 1.4249322787e-1f;
  series = series * m + -1.6668057665e-1f;
  series = series * m + 2.0000714765e-1f;
  series = series * m + -2.4999993993e-1f;
  series = series * m + 3.3333331174e-1f;
  series = series * m * square;
  series += e * -2.12194440e-4f;
  series -= 0.5f * square;
  return (m + series) + e * 0.693359375f;
}

// Within 4 units in the last place: a quotient of polynomials, with the coefficients of Eigen's fast tanh.
LANDER_INLINE Floats hyperbolic_tangent(Floats x) {
  const Floats in_range = lander::clamp(x, floats(-7.90531110763549805f), floats(7.90531110763549805f));
  const Floats square = in_range * in_range;
  Floats above = square * -2.76076847742355e-16f + 2.00018790482477e-13f;
  above = above * square + -8.60467152213735e-11f;
  above = above * square + 5.12229709037114e-08f;
  above = above * square + 1.48572235717979e-05f;
  above = above * square + 6.37261928875436e-04f;
  above = (above * square + 4.89352455891786e-03f) * in_range;
  Floats below = square * 1.19825839466702e-06f + 1.18534705686654e-04f;
  below = below * square + 2.26843463243900e-03f;
  below = below * square + 4.89352518554385e-03f;
  // Tiny numbers are their own tangent; and what is no number stays none.
  return select(lander::absolute(x) > 0.0004f, above / below, x);
}

}  // namespace learner
