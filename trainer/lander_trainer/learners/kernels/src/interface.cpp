// The C interface that library.py loads. A handle belongs to one thread at a time; no function throws.
#include <cstdint>
#include <exception>
#include <vector>

#include "network.hpp"

#if defined(_WIN32)
#define LEARNER_EXPORT extern "C" __declspec(dllexport)
#else
#define LEARNER_EXPORT extern "C" __attribute__((visibility("default")))
#endif

using learner::Epoch;
using learner::Network;
using learner::Optimiser;

// Raised with every change to a function or a struct.
LEARNER_EXPORT int learner_interface_version() { return 1; }

// `layers` + 1 widths. Null where memory cannot be had.
LEARNER_EXPORT void* learner_create(int layers, const std::int32_t* widths, std::int32_t activation, int gaussian) {
  try {
    return new Network({widths, widths + layers + 1}, static_cast<learner::Activation>(activation), gaussian != 0);
  } catch (const std::exception&) {
    return nullptr;
  }
}
LEARNER_EXPORT void learner_destroy(void* network) { delete static_cast<Network*>(network); }

// `values` [P]. For the rest of the arguments see network.hpp.
LEARNER_EXPORT void learner_forward(void* network, const float* values, std::int64_t rows, const float* observations,
                                    float* outputs) {
  static_cast<Network*>(network)->forward(values, rows, observations, outputs);
}

LEARNER_EXPORT std::int64_t learner_actor_epoch(void* network, Optimiser* optimiser, const Epoch* epoch,
                                                const void* actions, const float* old_log_probs,
                                                const float* advantages, float clip_range, float entropy_coef,
                                                float* log_probs, float* entropies) {
  return static_cast<Network*>(network)->actor_epoch(*optimiser, *epoch, actions, old_log_probs, advantages, clip_range,
                                                     entropy_coef, log_probs, entropies);
}

LEARNER_EXPORT std::int64_t learner_critic_epoch(void* network, Optimiser* optimiser, const Epoch* epoch,
                                                 const float* old_values, const float* returns, float clip_range,
                                                 float value_coef, float* values) {
  return static_cast<Network*>(network)->critic_epoch(*optimiser, *epoch, old_values, returns, clip_range, value_coef,
                                                      values);
}
