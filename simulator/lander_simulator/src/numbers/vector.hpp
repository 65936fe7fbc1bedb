// Floats of several lanes side by side: the unit in which everything that is hot is computed.
//
// LANDER_WIDTH is 4 (SSE2, NEON) or 8 (AVX2). Every operation here is one that IEEE 754 rounds correctly, or is made
// of such operations in a fixed order, so a lane's bits depend neither on the width nor on the compiler.
#pragma once

#include <cmath>
#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace lander {

inline constexpr int width = LANDER_WIDTH;

using Floats = float __attribute__((vector_size(4 * LANDER_WIDTH)));
using Integers = std::int32_t __attribute__((vector_size(4 * LANDER_WIDTH)));
// What a comparison of Floats gives: -1 where it holds, 0 where it does not.
using Mask = Integers;

#define LANDER_INLINE inline __attribute__((always_inline))  // a function attribute has no constexpr form

LANDER_INLINE Floats floats(float value) { return value - Floats{}; }
LANDER_INLINE Mask mask(bool value) { return Mask{} - static_cast<std::int32_t>(value); }

LANDER_INLINE Floats select(Mask where, Floats yes, Floats no) { return where ? yes : no; }
LANDER_INLINE float select(bool where, float yes, float no) { return where ? yes : no; }

// As the processor's own instructions have it: the second operand where the two are equal.
template <class Real>
LANDER_INLINE Real minimum(Real a, Real b) {
  return a < b ? a : b;
}
template <class Real>
LANDER_INLINE Real maximum(Real a, Real b) {
  return a > b ? a : b;
}
template <class Real>
LANDER_INLINE Real clamp(Real value, Real low, Real high) {
  return maximum(low, minimum(value, high));
}

LANDER_INLINE Floats absolute(Floats a) { return (Floats)((Integers)a & 0x7fffffff); }
LANDER_INLINE float absolute(float a) { return a < 0.0f ? -a : a; }

// Correctly rounded on every processor.
LANDER_INLINE float square_root(float a) { return __builtin_sqrtf(a); }
LANDER_INLINE Floats square_root(Floats a) {
  Floats root;
  for (int i = 0; i < width; ++i) root[i] = __builtin_sqrtf(a[i]);
  return root;
}

LANDER_INLINE Integers to_integer(Floats a) { return __builtin_convertvector(a, Integers); }
LANDER_INLINE std::int32_t to_integer(float a) { return static_cast<std::int32_t>(a); }
LANDER_INLINE Floats to_floats(Integers a) { return __builtin_convertvector(a, Floats); }

// To the nearest integer, ties to even, for |a| < 2^22: past 1.5 x 2^23 a float has no room for a fraction.
template <class Real>
LANDER_INLINE Real round_to_nearest(Real a) {
  constexpr float no_fraction = 12582912.0f;
  return (a + no_fraction) - no_fraction;
}

LANDER_INLINE bool any(Mask where) {
#if defined(__SSE2__) && LANDER_WIDTH == 4
  return _mm_movemask_ps((__m128)where) != 0;
#elif defined(__AVX2__) && LANDER_WIDTH == 8
  return _mm256_movemask_ps((__m256)where) != 0;
#elif defined(__ARM_NEON) && LANDER_WIDTH == 4
  return vmaxvq_u32((uint32x4_t)where) != 0;
#else
  std::int32_t all = 0;
  for (int i = 0; i < width; ++i) all |= where[i];
  return all != 0;
#endif
}

// A vector of the plane. Real is Floats (one for each lane) or float.
template <class Real>
struct Vec2 {
  Real x, y;
};

template <class Real>
LANDER_INLINE Vec2<Real> operator+(Vec2<Real> a, Vec2<Real> b) {
  return {a.x + b.x, a.y + b.y};
}
template <class Real>
LANDER_INLINE Vec2<Real> operator-(Vec2<Real> a, Vec2<Real> b) {
  return {a.x - b.x, a.y - b.y};
}
template <class Real>
LANDER_INLINE Vec2<Real> operator-(Vec2<Real> a) {
  return {-a.x, -a.y};
}
template <class Real>
LANDER_INLINE Vec2<Real> operator*(Real scale, Vec2<Real> a) {
  return {scale * a.x, scale * a.y};
}
LANDER_INLINE Vec2<Floats> operator*(float scale, Vec2<Floats> a) { return {scale * a.x, scale * a.y}; }
template <class Real>
LANDER_INLINE Real dot(Vec2<Real> a, Vec2<Real> b) {
  return a.x * b.x + a.y * b.y;
}
// The third component of the cross product of two vectors of the plane.
template <class Real>
LANDER_INLINE Real cross(Vec2<Real> a, Vec2<Real> b) {
  return a.x * b.y - a.y * b.x;
}
LANDER_INLINE Vec2<Floats> select(Mask where, Vec2<Floats> yes, Vec2<Floats> no) {
  return {select(where, yes.x, no.x), select(where, yes.y, no.y)};
}

}  // namespace lander
