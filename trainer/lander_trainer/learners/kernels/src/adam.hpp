// Adam on one vector (Kingma and Ba 2015, arXiv:1412.6980, algorithm 1), with a limit to the gradient's norm:
//
//   m <- beta1 m + (1 - beta1) g            v <- beta2 v + (1 - beta2) g^2
//   values <- values - rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon)
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace learner {

// Parameters [P], their last gradient, Adam's two moments of it, and the numbers of its steps. `steps` counts them.
struct Optimiser {
  float *values, *gradient, *mean, *square;
  std::int64_t steps;
  double learning_rate, epsilon, max_norm;
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
    for (std::size_t lane = 0; lane < 8; ++lane)
      sums[lane] += static_cast<double>(gradient[i + lane]) * gradient[i + lane];
  for (; i < count; ++i) sums[i % 8] += static_cast<double>(gradient[i]) * gradient[i];
  return std::sqrt(((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7])));
}

// Makes a step by the gradient, whose norm is `size`; a gradient longer than `max_norm` counts as one of that length.
inline void step(Optimiser& optimiser, std::size_t count, double size) {
  optimiser.steps += 1;
  const float scale = static_cast<float>(size > optimiser.max_norm ? optimiser.max_norm / size : 1.0);
  const float rate = static_cast<float>(optimiser.learning_rate / (1.0 - power(beta1, optimiser.steps)));
  const float square_scale = static_cast<float>(1.0 / std::sqrt(1.0 - power(beta2, optimiser.steps)));
  const float epsilon = static_cast<float>(optimiser.epsilon);
  const float* const gradient = optimiser.gradient;
  float *const values = optimiser.values, *const mean = optimiser.mean, *const square = optimiser.square;
  for (std::size_t i = 0; i < count; ++i) {
    const float slope = gradient[i] * scale;
    mean[i] = mean[i] * static_cast<float>(beta1) + slope * static_cast<float>(1.0 - beta1);
    square[i] = square[i] * static_cast<float>(beta2) + slope * slope * static_cast<float>(1.0 - beta2);
    values[i] -= mean[i] / (std::sqrt(square[i]) * square_scale + epsilon) * rate;
  }
}

}  // namespace learner
