// What sanitize.sh runs of the simulator: flights through every part of it, by the C interface.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "interface.cpp"

namespace {

using BatchPointer = std::unique_ptr<void, decltype(&lander_destroy)>;

struct Arrays {
  std::vector<std::int32_t> discrete;
  std::vector<float> continuous, observations;
  std::vector<std::uint8_t> active, terminated, truncated;
  std::vector<double> rewards;

  explicit Arrays(int lanes)
      : discrete(lanes),
        continuous(2 * lanes),
        observations(8 * lanes),
        active(lanes, 1),
        terminated(lanes),
        truncated(lanes),
        rewards(lanes) {}

  lander::Step step(bool are_continuous, bool some) {
    return {are_continuous ? nullptr : discrete.data(),
            are_continuous ? continuous.data() : nullptr,
            some ? active.data() : nullptr,
            observations.data(),
            rewards.data(),
            terminated.data(),
            truncated.data()};
  }
};

int fly(int lanes, const lander::Settings& settings, int threads, int steps) {
  const BatchPointer batch(lander_create(lanes, &settings, threads), lander_destroy);
  if (!batch) return -1;
  Arrays arrays(lanes);
  const bool continuous = settings.continuous != 0;
  std::vector<std::uint64_t> seeds(lanes);
  const std::vector<std::uint8_t> seeded(lanes, 1);
  for (int lane = 0; lane < lanes; ++lane) seeds[lane] = static_cast<std::uint64_t>(lane) << (lane % 40);
  lander::Step all = arrays.step(continuous, false), some = arrays.step(continuous, true);
  lander_reset(batch.get(), seeds.data(), seeded.data(), &all);

  lander::Pcg64 random = lander::Pcg64::seeded(7);
  std::vector<lander::LaneRecord> saved(lanes);
  int ended = 0;
  for (int t = 0; t < steps; ++t) {
    for (int lane = 0; lane < lanes; ++lane) {
      if (t % 9 == 0) arrays.discrete[lane] = random.integer(0, 4);
      arrays.continuous[2 * lane] = static_cast<float>(random.uniform(-1.5, 3.0));
      arrays.continuous[2 * lane + 1] = static_cast<float>(random.uniform(-1.5, 3.0));
      arrays.active[lane] = random.integer(0, 3) == 0;
    }
    if (lander_step(batch.get(), &all) != -1) std::abort();
    for (int lane = 0; lane < lanes; ++lane) ended += arrays.terminated[lane] | arrays.truncated[lane];
    if (t % 50 == 20) lander_save(batch.get(), saved.data());
    if (t % 50 == 40) lander_restore(batch.get(), saved.data());
    if (t % 70 == 60) lander_reset(batch.get(), seeds.data(), nullptr, &some);
  }
  // A state of any bytes.
  for (int round = 0; round < 20; ++round) {
    auto* bytes = reinterpret_cast<unsigned char*>(saved.data());
    for (std::size_t i = 0; i < saved.size() * sizeof(lander::LaneRecord); ++i) {
      bytes[i] = static_cast<unsigned char>(random.integer(0, 256));
    }
    lander_restore(batch.get(), saved.data());
    for (int t = 0; t < 5; ++t) lander_step(batch.get(), &all);
  }
  return ended;
}

}  // namespace

int main() {
  const lander::Settings plain{15.0, 1.5, -10.0f, 0, 0, 1000};
  const lander::Settings windy{20.0, 2.0, -3.0f, 1, 1, 120};
  int ended = 0;
  ended += fly(37, plain, 1, 600);
  ended += fly(64, plain, 3, 200);
  ended += fly(1, windy, 1, 300);
  ended += fly(23, windy, 2, 300);
  std::printf("%d episodes, nothing found\n", ended);
  return ended > 0 ? 0 : 1;
}
