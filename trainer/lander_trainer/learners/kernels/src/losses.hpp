// The derivatives of PPO's loss by the outputs of actor and critic. lander_trainer/ppo/gradients.py has the formulas,
// with the same names.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "functions.hpp"
#include "perceptron.hpp"

namespace learner {

inline constexpr float half_log_two_pi = 0.91893853320467274178f;

// One number for each row of a block. Past the rows of a short block it holds what the last block left there, which
// nothing reads.
struct Column {
  float values[block] = {};

  Floats at(int row) const { return load(values + row); }
  void set(int row, Floats value) { store(values + row, value); }
  void take(const float* from, int rows) { std::copy(from, from + rows, values); }
};

struct PolicyLoss {
  float clip_range, entropy_coef;
  float count;  // B, the rows of the minibatch
};

// Derivative of the clipped surrogate by the log-probabilities: -r A / B, or 0 where the minimum is the clipped side.
LANDER_INLINE Floats surrogate_slopes(Floats log_probs, Floats old_log_probs, Floats advantages,
                                      const PolicyLoss& loss) {
  const Floats ratios = exponential(log_probs - old_log_probs);
  const lander::Mask below = ratios <= 1.0f + loss.clip_range, above = ratios >= 1.0f - loss.clip_range;
  const lander::Mask favoured = advantages > 0.0f;
  const lander::Mask unclipped = (favoured & below) | (~favoured & above);
  const Floats slopes = ratios * advantages / -loss.count;
  // What is no number fails every comparison, and must reach the gradient, where it is found.
  return select(unclipped | (slopes != slopes), slopes, Floats{});
}

// Probabilities p = softmax(z) of the outputs z. For an action a whose log-probability has the slope s,
//
//   derivative by z_j = s (1[j = a] - p_j) + c2 / B p_j (log p_j + H)
class Categorical {
 public:
  explicit Categorical(int actions) : log_probs_(actions), probs_(actions) {}

  // Writes the derivatives into `slopes`, and the log-probabilities of the actions and the entropies of the policy.
  // `outputs` and `slopes` have rows of `row` numbers.
  void differentiate(const float* outputs, int row, int rows, const std::int64_t* actions, const float* old_log_probs,
                     const float* advantages, const PolicyLoss& loss, float* slopes, float* log_probs,
                     float* entropies) {
    const int count = static_cast<int>(log_probs_.size());
    for (int a = 0; a < count; ++a)
      for (int r = 0; r < rows; ++r) log_probs_[a].values[r] = outputs[r * row + a];
    old_.take(old_log_probs, rows);
    advantages_.take(advantages, rows);
    for (int r = 0; r < rows; r += lander::width) normalise(r);
    for (int r = 0; r < rows; ++r) chosen_.values[r] = log_probs_[actions[r]].values[r];
    for (int r = 0; r < rows; r += lander::width) {
      const Floats slope = surrogate_slopes(chosen_.at(r), old_.at(r), advantages_.at(r), loss);
      chosen_slopes_.set(r, slope);
      for (int a = 0; a < count; ++a) {
        const Floats bonus = (log_probs_[a].at(r) + entropies_.at(r)) * (loss.entropy_coef / loss.count);
        probs_[a].set(r, (bonus - slope) * probs_[a].at(r));
      }
    }
    for (int r = 0; r < rows; ++r) {
      for (int a = 0; a < count; ++a) slopes[r * row + a] = probs_[a].values[r];
      slopes[r * row + actions[r]] += chosen_slopes_.values[r];
    }
    std::copy(chosen_.values, chosen_.values + rows, log_probs);
    std::copy(entropies_.values, entropies_.values + rows, entropies);
  }

 private:
  // Turns outputs into log-probabilities, probabilities and the entropy.
  void normalise(int r) {
    Floats largest = log_probs_[0].at(r), sum{}, entropy{};
    for (const Column& output : log_probs_) largest = lander::maximum(largest, output.at(r));
    for (std::size_t a = 0; a < probs_.size(); ++a) {
      log_probs_[a].set(r, log_probs_[a].at(r) - largest);
      probs_[a].set(r, exponential(log_probs_[a].at(r)));
      sum += probs_[a].at(r);
    }
    const Floats log_sum = logarithm(sum);
    for (std::size_t a = 0; a < probs_.size(); ++a) {
      log_probs_[a].set(r, log_probs_[a].at(r) - log_sum);
      probs_[a].set(r, probs_[a].at(r) / sum);
      entropy -= probs_[a].at(r) * log_probs_[a].at(r);
    }
    entropies_.set(r, entropy);
  }

  std::vector<Column> log_probs_, probs_;  // for each action
  Column old_, advantages_, entropies_, chosen_, chosen_slopes_;
};

// Independent normal distributions around the outputs, whose standard deviations do not depend on the observation.
// For an action whose log-density has the slope s, and z = (action - mean) / std,
//
//   derivative by the mean = s z / std        by log std = s (z^2 - 1), and -c2 once a minibatch
class Gaussian {
 public:
  explicit Gaussian(int components) : z_(components), log_std_sums_(components) {}

  // As Categorical's. `actions` are [rows, components]; `log_std` [components].
  void differentiate(const float* outputs, int row, int rows, const float* log_std, const float* actions,
                     const float* old_log_probs, const float* advantages, const PolicyLoss& loss, float* slopes,
                     float* log_probs, float* entropies) {
    const int count = static_cast<int>(z_.size());
    old_.take(old_log_probs, rows);
    advantages_.take(advantages, rows);
    Column log_prob;
    float entropy = 0.0f;
    for (int k = 0; k < count; ++k) {
      const float scale = inverse_std(log_std[k]);
      for (int r = 0; r < rows; ++r) z_[k].values[r] = (actions[r * count + k] - outputs[r * row + k]) * scale;
      for (int r = 0; r < rows; r += lander::width) {
        const Floats z = z_[k].at(r);
        log_prob.set(r, log_prob.at(r) - (0.5f * z * z + log_std[k] + half_log_two_pi));
      }
      entropy += log_std[k] + (0.5f + half_log_two_pi);
    }
    for (int r = 0; r < rows; r += lander::width)
      slopes_.set(r, surrogate_slopes(log_prob.at(r), old_.at(r), advantages_.at(r), loss));
    for (int k = 0; k < count; ++k) {
      const float scale = inverse_std(log_std[k]);
      for (int r = 0; r < rows; ++r) {
        const float z = z_[k].values[r], slope = slopes_.values[r];
        slopes[r * row + k] = slope * z * scale;
        log_std_sums_[k] += slope * (z * z - 1.0f);
      }
    }
    std::copy(log_prob.values, log_prob.values + rows, log_probs);
    std::fill(entropies, entropies + rows, entropy);
  }

  // Writes the gradient by the log standard deviations since the last call, and starts the next one from zero.
  void write_gradient(float entropy_coef, float* gradient) {
    for (float& sum : log_std_sums_) {
      *gradient++ = sum - entropy_coef;
      sum = 0.0f;
    }
  }

 private:
  static float inverse_std(float log_std) { return exponential(floats(-log_std))[0]; }

  std::vector<Column> z_;  // for each component
  std::vector<float> log_std_sums_;
  Column old_, advantages_, slopes_;
};

struct ValueLoss {
  float clip_range;  // infinite where values are not clipped
  float value_coef;
  float count;  // B
};

// Writes the derivatives of the value loss, c1 / B times the error or 0, into `slopes`, in rows of `row` numbers as
// `outputs`, and the values.
inline void differentiate_values(const float* outputs, int row, int rows, const float* old_values, const float* returns,
                                 const ValueLoss& loss, float* slopes, float* values) {
  for (int r = 0; r < rows; ++r) {
    const float value = outputs[r * row];
    float error = value - returns[r];
    if (loss.clip_range < infinity) {
      const float change = value - old_values[r];
      const float clipped = old_values[r] + lander::clamp(change, -loss.clip_range, loss.clip_range) - returns[r];
      if (lander::absolute(clipped) > lander::absolute(error))
        error = lander::absolute(change) <= loss.clip_range ? clipped : 0.0f;
    }
    slopes[r * row] = error * (loss.value_coef / loss.count);
    values[r] = value;
  }
}

}  // namespace learner
