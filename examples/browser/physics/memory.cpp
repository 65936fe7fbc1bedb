// What Box2D and C++ want of their surroundings, without a C library: memory, and a place for messages.

#include <Box2D/Common/b2Settings.h>

#include <cstddef>

#include "memory.h"

namespace {

// A world takes some 40 kB. Box2D keeps pools of its own, so the step of a world asks for nothing more.
constexpr std::size_t size = 1 << 20, alignment = 16;
alignas(alignment) char arena[size];
std::size_t used = 0;

}  // namespace

void forget_all_memory() { used = 0; }

void* b2Alloc(int32 wanted) {
    const std::size_t taken = (static_cast<std::size_t>(wanted) + alignment - 1) / alignment * alignment;
    if (taken > size - used) __builtin_trap();
    void* const found = arena + used;
    used += taken;
    return found;
}

void b2Free(void*) {}

void b2Log(const char*, ...) {}

// Virtual destructors mention it, though nothing is ever made with `new` here.
void operator delete(void*) noexcept {}
void operator delete(void*, std::size_t) noexcept {}

extern "C" void __cxa_pure_virtual() { __builtin_trap(); }
