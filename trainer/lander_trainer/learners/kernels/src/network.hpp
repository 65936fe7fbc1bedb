// A network and what its updates need: its outputs, and whole passes of PPO over a batch.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "adam.hpp"
#include "losses.hpp"
#include "perceptron.hpp"

namespace learner {

// One pass over `rows` rows, `minibatch` after `minibatch`. Its arrays are in the order of the visits.
struct Epoch {
  std::int64_t rows, minibatch;
  const float* observations;
  float* norms;  // of each minibatch's gradient, before it is scaled down
};

// An actor or a critic. Its weights are the caller's; of a Gaussian actor the log standard deviations come first.
class Network {
 public:
  Network(const std::vector<int>& widths, Activation activation, bool gaussian)
      : perceptron_(widths, activation),
        categorical_(gaussian ? 0 : widths.back()),
        gaussian_(gaussian ? widths.back() : 0),
        log_stds_(gaussian ? widths.back() : 0) {}

  // Outputs [rows, out] for `observations` [rows, in].
  void forward(const float* values, std::int64_t rows, const float* observations, float* outputs) {
    perceptron_.take(values + log_stds_);
    for (std::int64_t at = 0; at < rows; at += block) {
      const int count = rows_of_block(at, rows);
      const float* results = perceptron_.forward(observations + at * perceptron_.inputs(), count);
      for (int r = 0; r < count; ++r, results += perceptron_.output_row())
        outputs = std::copy(results, results + perceptron_.outputs(), outputs);
    }
  }

  // `actions`: int64 [rows], or float [rows, k] of a Gaussian actor. Writes log-probabilities and entropies [rows].
  // Returns as `epoch`.
  std::int64_t actor_epoch(Optimiser& optimiser, const Epoch& visited, const void* actions, const float* old_log_probs,
                           const float* advantages, float clip_range, float entropy_coef, float* log_probs,
                           float* entropies) {
    const int row = perceptron_.output_row();
    float* const slopes = perceptron_.output_slopes();
    const auto differentiate = [&](const float* outputs, std::int64_t at, int rows, float count) {
      const PolicyLoss loss{clip_range, entropy_coef, count};
      if (log_stds_ == 0)
        categorical_.differentiate(outputs, row, rows, static_cast<const std::int64_t*>(actions) + at,
                                   old_log_probs + at, advantages + at, loss, slopes, log_probs + at, entropies + at);
      else
        gaussian_.differentiate(outputs, row, rows, optimiser.values,
                                static_cast<const float*>(actions) + at * log_stds_, old_log_probs + at,
                                advantages + at, loss, slopes, log_probs + at, entropies + at);
    };
    return epoch(optimiser, visited, differentiate,
                 [&] { gaussian_.write_gradient(entropy_coef, optimiser.gradient); });
  }

  // `clip_range` is infinite where values are not clipped. Writes the values [rows]. Returns as `epoch`.
  std::int64_t critic_epoch(Optimiser& optimiser, const Epoch& visited, const float* old_values, const float* returns,
                            float clip_range, float value_coef, float* values) {
    const auto differentiate = [&](const float* outputs, std::int64_t at, int rows, float count) {
      differentiate_values(outputs, perceptron_.output_row(), rows, old_values + at, returns + at,
                           {clip_range, value_coef, count}, perceptron_.output_slopes(), values + at);
    };
    return epoch(optimiser, visited, differentiate, [] {});
  }

 private:
  // Calls `differentiate(outputs, first row, rows, rows of the minibatch)` for every block and
  // `write_log_std_gradient()` after every minibatch, and makes a step. Returns the first minibatch whose gradient is
  // not finite, whose step is not made, or -1.
  template <class Differentiate, class Gradient>
  std::int64_t epoch(Optimiser& optimiser, const Epoch& visited, Differentiate differentiate,
                     Gradient write_log_std_gradient) {
    const std::size_t count = static_cast<std::size_t>(log_stds_) + perceptron_.parameters();
    std::int64_t minibatch = 0;
    for (std::int64_t start = 0; start < visited.rows; start += visited.minibatch, ++minibatch) {
      const std::int64_t end = std::min(start + visited.minibatch, visited.rows);
      perceptron_.take(optimiser.values + log_stds_);
      for (std::int64_t at = start; at < end; at += block) {
        const int rows = rows_of_block(at, end);
        const float* outputs = perceptron_.forward(visited.observations + at * perceptron_.inputs(), rows);
        differentiate(outputs, at, rows, static_cast<float>(end - start));
        perceptron_.backward(rows);
      }
      write_log_std_gradient();
      perceptron_.write_gradient(optimiser.gradient + log_stds_);
      const double size = norm(optimiser.gradient, count);
      // Sums of squares that floats do not hold are refused here as they are by the learners that sum in floats.
      if (!(size * size <= static_cast<double>(std::numeric_limits<float>::max()))) return minibatch;
      visited.norms[minibatch] = static_cast<float>(size);
      step(optimiser, count, size);
    }
    return -1;
  }

  static int rows_of_block(std::int64_t at, std::int64_t end) {
    return static_cast<int>(std::min<std::int64_t>(block, end - at));
  }

  Perceptron perceptron_;
  Categorical categorical_;
  Gaussian gaussian_;
  int log_stds_;  // 0 but for a Gaussian actor
};

}  // namespace learner
