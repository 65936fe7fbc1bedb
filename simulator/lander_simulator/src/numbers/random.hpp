// NumPy's generator: what `numpy.random.Generator(numpy.random.PCG64(numpy.random.SeedSequence(seed)))` draws, bit
// for bit, so that a lane with seed s meets the moon that `env.reset(seed=s)` meets in Gymnasium.
#pragma once

#include <cstdint>

namespace lander {

__extension__ using Uint128 = unsigned __int128;

// Four 64-bit words from one seed. M. E. O'Neill, "Developing a seed_seq Alternative" (2015), with the constants of
// numpy/random/bit_generator.pyx.
struct SeedSequence {
  std::uint32_t pool[4];

  explicit SeedSequence(std::uint64_t seed) {
    const std::uint32_t entropy[4] = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32), 0, 0};
    std::uint32_t constant = 0x43b0d7e5u;
    const auto hash = [&constant](std::uint32_t value) {
      value ^= constant;
      constant *= 0x931e8875u;
      value *= constant;
      return value ^ value >> 16;
    };
    for (int i = 0; i < 4; ++i) pool[i] = hash(entropy[i]);
    for (int from = 0; from < 4; ++from) {
      for (int to = 0; to < 4; ++to) {
        if (from == to) continue;
        const std::uint32_t mixed = 0xca01f9ddu * pool[to] - 0x4973f715u * hash(pool[from]);
        pool[to] = mixed ^ mixed >> 16;
      }
    }
  }

  void generate(std::uint64_t words[4]) const {
    std::uint32_t constant = 0x8b51f9ddu;
    std::uint32_t halves[8];
    for (int i = 0; i < 8; ++i) {
      std::uint32_t value = pool[i % 4] ^ constant;
      constant *= 0x58f38dedu;
      value *= constant;
      halves[i] = value ^ value >> 16;
    }
    for (int i = 0; i < 4; ++i) words[i] = halves[2 * i] | static_cast<std::uint64_t>(halves[2 * i + 1]) << 32;
  }
};

// PCG XSL RR 128/64. M. E. O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for
// Random Number Generation" (2014).
struct Pcg64 {
  std::uint64_t state_high, state_low, increment_high, increment_low;
  std::uint32_t has_half, half;  // the upper 32 bits of a word whose lower 32 were asked for

  static Pcg64 seeded(std::uint64_t seed) {
    std::uint64_t words[4];
    SeedSequence(seed).generate(words);
    const Uint128 sequence = static_cast<Uint128>(words[2]) << 64 | words[3];
    const Uint128 increment = sequence << 1 | 1;
    Pcg64 generator{0, 0, static_cast<std::uint64_t>(increment >> 64), static_cast<std::uint64_t>(increment), 0, 0};
    generator.advance();
    generator.set_state(generator.state() + (static_cast<Uint128>(words[0]) << 64 | words[1]));
    generator.advance();
    return generator;
  }

  std::uint64_t next_word() {
    advance();
    const std::uint64_t folded = state_high ^ state_low;
    const unsigned turn = static_cast<unsigned>(state_high >> 58);
    return folded >> turn | folded << (-turn & 63);
  }

  // Generator.uniform(low, low + range).
  double uniform(double low, double range) {
    return low + range * (static_cast<double>(next_word() >> 11) * (1.0 / 9007199254740992.0));
  }

  // Generator.integers(low, low + count) for 0 < count < 2^32. D. Lemire, "Fast Random Integer Generation in an
  // Interval", ACM Trans. Model. Comput. Simul. 29 (2019).
  std::int32_t integer(std::int32_t low, std::uint32_t count) {
    std::uint64_t product = static_cast<std::uint64_t>(next_half()) * count;
    if (static_cast<std::uint32_t>(product) < count) {
      const std::uint32_t threshold = (0u - count) % count;
      while (static_cast<std::uint32_t>(product) < threshold) product = static_cast<std::uint64_t>(next_half()) * count;
    }
    return low + static_cast<std::int32_t>(product >> 32);
  }

 private:
  Uint128 state() const { return static_cast<Uint128>(state_high) << 64 | state_low; }
  void set_state(Uint128 value) {
    state_high = static_cast<std::uint64_t>(value >> 64);
    state_low = static_cast<std::uint64_t>(value);
  }
  void advance() {
    constexpr Uint128 multiplier = static_cast<Uint128>(0x2360ed051fc65da4u) << 64 | 0x4385df649fccf645u;
    set_state(state() * multiplier + (static_cast<Uint128>(increment_high) << 64 | increment_low));
  }
  std::uint32_t next_half() {
    if (has_half != 0) {
      has_half = 0;
      return half;
    }
    const std::uint64_t word = next_word();
    has_half = 1;
    half = static_cast<std::uint32_t>(word >> 32);
    return static_cast<std::uint32_t>(word);
  }
};

}  // namespace lander
