// Threads of a block take turns on one thread of the host; each that waits keeps a stack of its own meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace lmspt::emulation {

// Where to go on.
struct Context {
#if defined(__x86_64__)
  void* stack_pointer = nullptr;
#else
  ucontext_t context;
#endif
};

// Goes on at `to`, until something goes on at `from`.
void switch_context(Context& from, Context& to);

// A context that will call `entry`, which must never return, on the stack below `top`.
void prepare_context(Context& context, char* stack, size_t bytes, void (*entry)());

// All stacks of fibers lie in one reserved range of addresses.
class Stacks {
 public:
  static constexpr size_t kCount = 1024;  // threads of the largest block
  static constexpr size_t kBytes = 128 * 1024;

  Stacks();
  char* stack(int index) const { return base_ + index * kBytes; }
  uintptr_t base() const { return reinterpret_cast<uintptr_t>(base_); }
  // Whether a fiber has left its stack at the far end.
  bool overflown(int index) const;

 private:
  char* base_;
};

}  // namespace lmspt::emulation
