// What machines.sh compares of the simulator: episodes of pseudo-random actions, by the C interface, and a digest of all
// that they give.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "interface.cpp"

namespace {

constexpr int lanes = 128;

// FNV-1a, 64 bits.
class Digest {
 public:
  template <class T>
  void add(const std::vector<T>& values) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(values.data());
    for (std::size_t i = 0; i < values.size() * sizeof(T); ++i) value_ = (value_ ^ bytes[i]) * 0x100000001b3u;
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325u;
};

// More of the main engine than of the others, held for some steps: some flights last long enough to touch the moon
// slowly, and rest.
std::int32_t engine(double drawn) { return drawn < 0.35 ? 0 : drawn < 0.45 ? 1 : drawn < 0.9 ? 2 : 3; }

// Steps of all lanes, whose seeds are their numbers; the episodes that ended.
int fly(const lander::Settings& settings, int steps, Digest& digest) {
  const std::unique_ptr<void, decltype(&lander_destroy)> batch(lander_create(lanes, &settings, 1), lander_destroy);
  if (!batch) std::abort();
  std::vector<std::int32_t> discrete(lanes);
  std::vector<float> continuous(2 * lanes), observations(8 * lanes);
  std::vector<std::uint8_t> terminated(lanes), truncated(lanes);
  std::vector<double> rewards(lanes);
  const lander::Step step{settings.continuous != 0 ? nullptr : discrete.data(),
                          settings.continuous != 0 ? continuous.data() : nullptr,
                          nullptr,
                          observations.data(),
                          rewards.data(),
                          terminated.data(),
                          truncated.data()};
  std::vector<std::uint64_t> seeds(lanes);
  for (int lane = 0; lane < lanes; ++lane) seeds[lane] = static_cast<std::uint64_t>(lane);
  const std::vector<std::uint8_t> seeded(lanes, 1);
  lander_reset(batch.get(), seeds.data(), seeded.data(), &step);
  digest.add(observations);

  lander::Pcg64 random = lander::Pcg64::seeded(7);
  int ended = 0;
  for (int t = 0; t < steps; ++t) {
    for (int lane = 0; t % 9 == 0 && lane < lanes; ++lane) {
      discrete[lane] = engine(random.uniform(0.0, 1.0));
      continuous[2 * lane] = static_cast<float>(random.uniform(-1.0, 2.0));
      continuous[2 * lane + 1] = static_cast<float>(random.uniform(-1.0, 2.0));
    }
    if (lander_step(batch.get(), &step) != -1) std::abort();
    digest.add(observations);
    digest.add(rewards);
    digest.add(terminated);
    digest.add(truncated);
    for (int lane = 0; lane < lanes; ++lane) ended += terminated[lane] | truncated[lane];
  }
  return ended;
}

}  // namespace

// The steps of each lane may be named; else 1,000.
int main(int count, char** arguments) {
  const int steps = count > 1 ? std::atoi(arguments[1]) : 1000;
  const lander::Settings all[] = {
      {15.0, 1.5, -10.0f, 0, 0, 1000}, {20.0, 2.0, -10.0f, 0, 1, 400}, {15.0, 1.5, -3.0f, 1, 0, 400}};
  Digest digest;
  int ended = 0;
  for (const lander::Settings& settings : all) ended += fly(settings, steps, digest);
  std::printf("%d episodes, digest %016llx\n", ended, static_cast<unsigned long long>(digest.value()));
  return ended > 0 ? 0 : 1;
}
