// The C interface that library.py loads. Handles are opaque; no function throws, and none writes past the arrays whose
// lengths are in batch.hpp.
#include <exception>
#include <new>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "batch.hpp"

#if defined(_WIN32)
#define LANDER_EXPORT extern "C" __declspec(dllexport)
#else
#define LANDER_EXPORT extern "C" __attribute__((visibility("default")))
#endif

// Raised with every change to a function or to LaneRecord.
LANDER_EXPORT int lander_interface_version() { return 2; }
LANDER_EXPORT int lander_width() { return lander::width; }
LANDER_EXPORT int lander_record_bytes() { return sizeof(lander::LaneRecord); }

// Whether this processor, and the system on it, run the library of eight lanes. Asked of the processor itself:
// __builtin_cpu_supports() needs a compiler's runtime library, and zig's does not have it.
LANDER_EXPORT int lander_has_avx2() {
#if defined(__x86_64__)
  unsigned a, b, c, d;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_OSXSAVE) == 0) return 0;
  unsigned enabled, upper;
  __asm__("xgetbv" : "=a"(enabled), "=d"(upper) : "c"(0));
  if ((enabled & 6) != 6) return 0;  // the system keeps the registers of SSE and AVX
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_AVX2) != 0;
#else
  return 0;
#endif
}

// Null where memory or threads cannot be had.
LANDER_EXPORT void* lander_create(int lanes, const lander::Settings* settings, int threads) {
  try {
    return new lander::Batch(lanes, *settings, threads);
  } catch (const std::exception&) {
    return nullptr;
  }
}
LANDER_EXPORT void lander_destroy(void* batch) { delete static_cast<lander::Batch*>(batch); }

// Seeds lanes anew where seeded[lane] is not 0, ends the episodes of the active lanes and takes each one's first step.
LANDER_EXPORT void lander_reset(void* handle, const std::uint64_t* seeds, const std::uint8_t* seeded,
                                const lander::Step* step) {
  lander::Batch& batch = *static_cast<lander::Batch*>(handle);
  for (int lane = 0; lane < batch.lanes(); ++lane) {
    if (!step->is_active(lane)) continue;
    if (seeded != nullptr && seeded[lane] != 0) batch.seed(lane, seeds[lane]);
    batch.end_episode(lane);
  }
  batch.step(*step);
}

// From its next step on each of `count` lanes draws what a generator of its seed draws.
LANDER_EXPORT void lander_seed(void* handle, int count, const std::int32_t* lanes, const std::uint64_t* seeds) {
  lander::Batch& batch = *static_cast<lander::Batch*>(handle);
  for (int i = 0; i < count; ++i) batch.seed(lanes[i], seeds[i]);
}

// The first lane whose action does not exist, or -1 after a step of all lanes.
LANDER_EXPORT int lander_step(void* handle, const lander::Step* step) {
  lander::Batch& batch = *static_cast<lander::Batch*>(handle);
  if (step->discrete != nullptr) {
    for (int lane = 0; lane < batch.lanes(); ++lane) {
      if (step->discrete[lane] < 0 || step->discrete[lane] > 3) return lane;
    }
  }
  batch.step(*step);
  return -1;
}

LANDER_EXPORT void lander_save(void* handle, lander::LaneRecord* records) {
  const lander::Batch& batch = *static_cast<lander::Batch*>(handle);
  for (int lane = 0; lane < batch.lanes(); ++lane) records[lane] = batch.record(lane);
}
LANDER_EXPORT void lander_restore(void* handle, const lander::LaneRecord* records) {
  lander::Batch& batch = *static_cast<lander::Batch*>(handle);
  for (int lane = 0; lane < batch.lanes(); ++lane) batch.restore(lane, records[lane]);
}
