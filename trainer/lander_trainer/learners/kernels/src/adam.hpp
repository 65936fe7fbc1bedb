// Adam on one vector (Kingma and Ba 2015, arXiv:1412.6980, algorithm 1), after a limit to the gradient's norm.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace learner {

// Scales of one step, computed once for it: those of lander_trainer/learners/adam.py.
struct AdamStep {
  float rate;          // learning rate / (1 - beta1^t)
  float square_scale;  // (1 - beta2^t)^-1/2
  float epsilon;
};

inline constexpr double beta1 = 0.9, beta2 = 0.999;

// base^exponent by repeated squaring, because the last bit of a C library's pow is its own.
inline double power(double base, std::int64_t exponent) {
  double result = 1.0;
  for (; exponent > 0; exponent >>= 1, base *= base)
    if (exponent & 1) result *= base;
  return result;
}

// The Euclidean norm, in double precision. Eight sums in turn: a fixed order that vectors of any width can keep.
inline double norm(const float* gradient, std::size_t count) {
  double sums[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (int lane = 0; lane < 8; ++lane) sums[lane] += static_cast<double>(gradient[i + lane]) * gradient[i + lane];
  for (; i < count; ++i) sums[i % 8] += static_cast<double>(gradient[i]) * gradient[i];
  return std::sqrt(((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7])));
}

inline void adam(float* values, const float* gradient, float* mean, float* square, std::size_t count, float scale,
                 const AdamStep& step) {
  for (std::size_t i = 0; i < count; ++i) {
    const float slope = gradient[i] * scale;
    mean[i] = mean[i] * static_cast<float>(beta1) + slope * static_cast<float>(1.0 - beta1);
    square[i] = square[i] * static_cast<float>(beta2) + slope * slope * static_cast<float>(1.0 - beta2);
    values[i] -= mean[i] / (std::sqrt(square[i]) * step.square_scale + step.epsilon) * step.rate;
  }
}

}  // namespace learner
