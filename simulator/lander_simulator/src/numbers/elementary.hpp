// Sine, cosine and hyperbolic tangent of our own, because those of the C libraries differ in their last bits.
#pragma once

#include <cstring>

#include "numbers/vector.hpp"

namespace lander {

template <class Real>
struct Rotation {
  Real sine, cosine;
};

// Sine and cosine of an angle in rad, |angle| < 2^20. Within 1e-7 of the true values for the angles that occur.
//
// Cody and Waite (1980): the nearest multiple of pi/2 is taken off in three parts, the first two short enough for
// exact products; polynomials on what is left, |r| <= pi/4, from Moshier's Cephes library (sinf.c).
template <class Real>
LANDER_INLINE Rotation<Real> rotation(Real angle) {
  const Real quarters = round_to_nearest(angle * 0.63661977236758134f);
  const auto quadrant = to_integer(quarters);
  Real r = angle - quarters * 1.5703125f;
  r = r - quarters * 4.837512969970703125e-4f;
  r = r - quarters * 7.549789948768648e-8f;
  const Real r2 = r * r;
  const Real sine = r + r * r2 * (-1.6666654611e-1f + r2 * (8.3321608736e-3f + r2 * -1.9515295891e-4f));
  const Real cosine =
      1.0f - 0.5f * r2 + r2 * r2 * (4.166664568298827e-2f + r2 * (-1.388731625493765e-3f + r2 * 2.443315711809948e-5f));
  const auto odd = (quadrant & 1) != 0;
  const Real s = select(odd, cosine, sine), c = select(odd, sine, cosine);
  return {select((quadrant & 2) != 0, -s, s), select(((quadrant + 1) & 2) != 0, -c, c)};
}

// A vector of the body's frame in the world's frame.
template <class Real>
LANDER_INLINE Vec2<Real> rotate(Rotation<Real> q, Vec2<Real> local) {
  return {q.cosine * local.x - q.sine * local.y, q.sine * local.x + q.cosine * local.y};
}
// The inverse of rotate().
template <class Real>
LANDER_INLINE Vec2<Real> rotate_back(Rotation<Real> q, Vec2<Real> world) {
  return {q.cosine * world.x + q.sine * world.y, q.cosine * world.y - q.sine * world.x};
}

// Sine in double precision, |x| < 2^20, within two units in the last place. Reduction and polynomials as in fdlibm
// (Sun Microsystems 1993, k_sin.c and k_cos.c).
inline double sine(double x) {
  constexpr double no_fraction = 6755399441055744.0;
  const double quarters = (x * 0.63661977236758134308 + no_fraction) - no_fraction;
  double r = x - quarters * 1.57079632673412561417e+00;
  r = r - quarters * 6.07710050650619224932e-11;
  const double z = r * r;
  const double s = r + r * z *
                           (-1.66666666666666324348e-01 +
                            z * (8.33333333332248946124e-03 +
                                 z * (-1.98412698298579493134e-04 +
                                      z * (2.75573137070700676789e-06 +
                                           z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)))));
  const double c = 1.0 - 0.5 * z +
                   z * z *
                       (4.16666666666666019037e-02 +
                        z * (-1.38888888888741095749e-03 +
                             z * (2.48015872894767294178e-05 +
                                  z * (-2.75573143513906633035e-07 +
                                       z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)))));
  const auto quadrant = static_cast<std::int64_t>(quarters);
  const double value = (quadrant & 1) != 0 ? c : s;
  return (quadrant & 2) != 0 ? -value : value;
}

// Hyperbolic tangent, 1 - 2 / (e^2x + 1), for |x| < 300; absolute error below 3e-16.
inline double hyperbolic_tangent(double x) {
  const double y = 2.0 * x;
  constexpr double no_fraction = 6755399441055744.0;
  const double twos = (y * 1.44269504088896338700 + no_fraction) - no_fraction;
  const double r = (y - twos * 6.93147180369123816490e-01) - twos * 1.90821492927058770002e-10;
  // Taylor's series of e^r; |r| <= 0.35, so the first term left out is below 5e-18.
  double series = 1.0;
  for (int n = 13; n > 0; --n) series = 1.0 + series * r / n;
  const auto exponent_bits = static_cast<std::uint64_t>(static_cast<std::int64_t>(twos) + 1023) << 52;
  double scale;
  std::memcpy(&scale, &exponent_bits, sizeof scale);
  return 1.0 - 2.0 / (series * scale + 1.0);
}

}  // namespace lander
