// The C interface that library.py loads. A handle belongs to one thread at a time; no function throws.
#include <exception>
#include <new>

#include "adam.hpp"
#include "losses.hpp"
#include "perceptron.hpp"

#if defined(_WIN32)
#define LEARNER_EXPORT extern "C" __declspec(dllexport)
#else
#define LEARNER_EXPORT extern "C" __attribute__((visibility("default")))
#endif

namespace learner {

// Parameters [P], their last gradient, and Adam's state. First the log standard deviations of a Gaussian actor.
struct Optimiser {
  float *values, *gradient, *mean, *square;
  std::int64_t steps;
  double learning_rate, epsilon, max_norm;
};

// One pass over `rows` rows, `minibatch` after `minibatch`; arrays are in the order of the visits.
struct Epoch {
  std::int64_t rows, minibatch;
  const float* observations;
  float* norms;  // of each minibatch's gradient, before it is scaled down
};

// A network and what its gradient needs.
class Network {
 public:
  Network(const std::vector<int>& widths, Activation activation, bool gaussian)
      : perceptron(widths, activation), categorical(gaussian ? 0 : widths.back()),
        gaussian(gaussian ? widths.back() : 0), extra(gaussian ? widths.back() : 0) {}

  // Runs `differentiate(first row, rows, loss's count)` on every block and makes a step after every minibatch. Returns
  // the first minibatch whose gradient is not finite, whose step is not made, or -1.
  template <class Differentiate, class Gradient>
  std::int64_t epoch(Optimiser& optimiser, const Epoch& epoch, Differentiate differentiate, Gradient extra_gradient) {
    const std::size_t count = extra + perceptron.parameters();
    for (std::int64_t start = 0, batch = 0; start < epoch.rows; start += epoch.minibatch, ++batch) {
      const std::int64_t end = std::min(start + epoch.minibatch, epoch.rows);
      perceptron.take(optimiser.values + extra);
      for (std::int64_t at = start; at < end; at += block) {
        const int rows = static_cast<int>(std::min<std::int64_t>(block, end - at));
        const float* outputs = perceptron.forward(epoch.observations + at * perceptron.inputs(), rows);
        differentiate(outputs, at, rows, static_cast<float>(end - start));
        perceptron.backward(rows);
      }
      extra_gradient(static_cast<float>(end - start));
      perceptron.write_gradient(optimiser.gradient + extra);
      const double size = norm(optimiser.gradient, count);
      // Sums of squares that floats do not hold are refused here as they are by the learners that sum in floats.
      if (!(size * size <= static_cast<double>(std::numeric_limits<float>::max()))) return batch;
      epoch.norms[batch] = static_cast<float>(size);
      optimiser.steps += 1;
      const AdamStep step{static_cast<float>(optimiser.learning_rate / (1.0 - power(beta1, optimiser.steps))),
                          static_cast<float>(1.0 / std::sqrt(1.0 - power(beta2, optimiser.steps))),
                          static_cast<float>(optimiser.epsilon)};
      const double scale = size > optimiser.max_norm ? optimiser.max_norm / size : 1.0;
      adam(optimiser.values, optimiser.gradient, optimiser.mean, optimiser.square, count, static_cast<float>(scale), step);
    }
    return -1;
  }

  Perceptron perceptron;
  Categorical categorical;
  Gaussian gaussian;
  int extra;
};

}  // namespace learner

using namespace learner;

// Raised with every change to a function or a struct.
LEARNER_EXPORT int learner_interface_version() { return 1; }

// `layers` + 1 widths. Null where memory cannot be had.
LEARNER_EXPORT void* learner_create(int layers, const std::int32_t* widths, std::int32_t activation, int gaussian) {
  try {
    return new Network(std::vector<int>(widths, widths + layers + 1), static_cast<Activation>(activation), gaussian != 0);
  } catch (const std::exception&) {
    return nullptr;
  }
}
LEARNER_EXPORT void learner_destroy(void* network) { delete static_cast<Network*>(network); }

// Outputs [rows, out] for `observations` [rows, in], by `values` [P].
LEARNER_EXPORT void learner_forward(void* handle, const float* values, std::int64_t rows, const float* observations,
                                    float* outputs) {
  Network& network = *static_cast<Network*>(handle);
  Perceptron& perceptron = network.perceptron;
  perceptron.take(values + network.extra);
  for (std::int64_t at = 0; at < rows; at += block) {
    const int count = static_cast<int>(std::min<std::int64_t>(block, rows - at));
    const float* results = perceptron.forward(observations + at * perceptron.inputs(), count);
    for (int r = 0; r < count; ++r, results += perceptron.output_row())
      outputs = std::copy(results, results + perceptron.outputs(), outputs);
  }
}

// `actions`: int64 [rows], or float [rows, k] for a Gaussian actor. See Network::epoch.
LEARNER_EXPORT std::int64_t learner_actor_epoch(void* handle, Optimiser* optimiser, const Epoch* epoch,
                                                const void* actions, const float* old_log_probs,
                                                const float* advantages, float clip_range, float entropy_coef,
                                                float* log_probs, float* entropies) {
  Network& network = *static_cast<Network*>(handle);
  Perceptron& perceptron = network.perceptron;
  const int row = perceptron.output_row();
  return network.epoch(
      *optimiser, *epoch,
      [&](const float* outputs, std::int64_t at, int rows, float count) {
        const PolicyLoss loss{clip_range, entropy_coef, count};
        if (network.extra == 0)
          network.categorical.differentiate(outputs, row, rows, static_cast<const std::int64_t*>(actions) + at,
                                            old_log_probs + at, advantages + at, loss, perceptron.output_slopes(),
                                            log_probs + at, entropies + at);
        else
          network.gaussian.differentiate(outputs, row, rows, optimiser->values,
                                         static_cast<const float*>(actions) + at * network.extra, old_log_probs + at,
                                         advantages + at, loss, perceptron.output_slopes(), log_probs + at,
                                         entropies + at);
      },
      [&](float count) {
        if (network.extra != 0)
          network.gaussian.write_gradient({clip_range, entropy_coef, count}, optimiser->gradient);
      });
}

// `clip_range` is infinite where values are not clipped. See Network::epoch.
LEARNER_EXPORT std::int64_t learner_critic_epoch(void* handle, Optimiser* optimiser, const Epoch* epoch,
                                                 const float* old_values, const float* returns, float clip_range,
                                                 float value_coef, float* values) {
  Network& network = *static_cast<Network*>(handle);
  Perceptron& perceptron = network.perceptron;
  return network.epoch(
      *optimiser, *epoch,
      [&](const float* outputs, std::int64_t at, int rows, float count) {
        differentiate_values(outputs, perceptron.output_row(), rows, old_values + at, returns + at,
                             {clip_range, value_coef, count}, perceptron.output_slopes(), values + at);
      },
      [](float) {});
}
