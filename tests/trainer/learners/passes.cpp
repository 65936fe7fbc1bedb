// What tests/simulator/sanitize.sh and machines.sh run of the learner: passes of every kind, of odd sizes and with
// short blocks, by the C interface; and a digest of all that they give.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <vector>

#include "interface.cpp"

namespace {

enum class Kind { categorical, gaussian, critic };

// FNV-1a, 64 bits.
class Digest {
 public:
  void add(const std::vector<float>& values) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(values.data());
    for (std::size_t i = 0; i < values.size() * sizeof(float); ++i) value_ = (value_ ^ bytes[i]) * 0x100000001b3u;
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325u;
};

// Whole numbers over 128, below `size` in absolute value, so that no library's rounding is in them.
std::vector<float> numbers(std::size_t count, float size) {
  static std::uint64_t state = 7;
  std::vector<float> values(count);
  for (float& value : values) {
    state = state * 6364136223846793005u + 1442695040888963407u;  // Knuth's linear congruential generator
    const int whole = static_cast<int>((state >> 40) % 2001u) - 1000;
    value = std::floor(static_cast<float>(whole) * size * 0.128f) / 128.0f;
  }
  return values;
}

struct Case {
  Kind kind;
  std::vector<std::int32_t> widths;
  std::size_t rows;
  std::int64_t minibatch;
};

// Two passes over one batch. With `broken`, an observation that is no number: its gradient must be found. Returns
// whether all went as it must.
bool passes(const Case& tried, learner::Activation activation, bool broken, Digest& digest) {
  const int layers = static_cast<int>(tried.widths.size()) - 1;
  const auto in = static_cast<std::size_t>(tried.widths.front()), out = static_cast<std::size_t>(tried.widths.back());
  const std::unique_ptr<void, decltype(&learner_destroy)> network(
      learner_create(layers, tried.widths.data(), static_cast<std::int32_t>(activation), tried.kind == Kind::gaussian),
      learner_destroy);
  if (!network) std::abort();
  std::size_t count = tried.kind == Kind::gaussian ? out : 0;
  for (std::size_t i = 0; i + 1 < tried.widths.size(); ++i)
    count += static_cast<std::size_t>((tried.widths[i] + 1) * tried.widths[i + 1]);

  const std::size_t rows = tried.rows;
  std::vector<float> values = numbers(count, 0.5f), gradient(count), mean(count), square(count);
  std::vector<float> observations = numbers(rows * in, 3.0f), continuous = numbers(rows * out, 2.0f);
  const std::vector<float> old = numbers(rows, 2.0f), targets = numbers(rows, 4.0f);
  std::vector<std::int64_t> discrete(rows);
  for (std::size_t i = 0; i < rows; ++i) discrete[i] = static_cast<std::int64_t>(i * 5 % out);
  if (broken) observations[in * (rows - 1)] = std::numeric_limits<float>::quiet_NaN();

  // Of exactly the sizes that the interface names, so that a sanitizer sees one number too many.
  std::vector<float> norms((rows - 1) / static_cast<std::size_t>(tried.minibatch) + 1), results(rows), entropies(rows);
  std::vector<float> outputs(rows * out);
  learner::Optimiser optimiser{values.data(), gradient.data(), mean.data(), square.data(), 0, 0.01, 1e-5, 0.5};
  const learner::Epoch epoch{static_cast<std::int64_t>(rows), tried.minibatch, observations.data(), norms.data()};
  const void* actions = tried.kind == Kind::gaussian ? static_cast<void*>(continuous.data()) : discrete.data();
  std::int64_t failed = -1;
  for (int pass = 0; pass < 2; ++pass) {
    learner_forward(network.get(), values.data(), epoch.rows, observations.data(), outputs.data());
    failed = tried.kind == Kind::critic
                 ? learner_critic_epoch(network.get(), &optimiser, &epoch, old.data(), targets.data(),
                                        pass == 0 ? std::numeric_limits<float>::infinity() : 0.2f, 0.5f, results.data())
                 : learner_actor_epoch(network.get(), &optimiser, &epoch, actions, old.data(), targets.data(), 0.2f,
                                       0.01f, results.data(), entropies.data());
    if (broken) continue;  // whose NaN has another sign on ARM
    for (const auto* array : {&outputs, &results, &entropies, &norms, &values, &gradient, &mean, &square})
      digest.add(*array);
  }
  return (failed >= 0) == broken;
}

}  // namespace

int main() {
  const Case cases[] = {{Kind::categorical, {8, 64, 64, 4}, 700, 256}, {Kind::categorical, {1, 1, 1}, 1, 1},
                        {Kind::categorical, {9, 17, 70, 13}, 131, 65}, {Kind::gaussian, {8, 33, 2}, 200, 64},
                        {Kind::gaussian, {3, 5, 7}, 63, 31},           {Kind::critic, {8, 64, 20, 1}, 300, 128},
                        {Kind::critic, {376, 33, 1}, 67, 100}};
  Digest digest;
  int count = 0;
  for (const Case& tried : cases)
    for (const auto activation : {learner::Activation::tanh, learner::Activation::relu})
      for (const bool broken : {false, true}) {
        if (!passes(tried, activation, broken, digest)) {
          std::printf("case %d: a gradient that is not finite is not found, or one that is finite is refused\n", count);
          return 1;
        }
        ++count;
      }
  std::printf("%d networks, digest %016llx\n", count, static_cast<unsigned long long>(digest.value()));
  return 0;
}
