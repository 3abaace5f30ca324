#include "cuda-emulation/fiber.h"

#include <sys/mman.h>

#include <cstring>
#include <new>

namespace lmspt::emulation {

namespace {

constexpr uint64_t kMark = 0x5ca1ab1e0ddba115;

}  // namespace

#if defined(__x86_64__)

// The registers that a function must keep, by the System V calling convention.
extern "C" void lmspt_switch_stack(void** from, void* to);
asm(R"(
  .text
  .hidden lmspt_switch_stack
  .globl lmspt_switch_stack
  .type lmspt_switch_stack, @function
lmspt_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size lmspt_switch_stack, . - lmspt_switch_stack
)");

void switch_context(Context& from, Context& to) { lmspt_switch_stack(&from.stack_pointer, to.stack_pointer); }

void prepare_context(Context& context, char* stack, size_t bytes, void (*entry)()) {
  void** top = reinterpret_cast<void**>(stack + bytes);
  *--top = nullptr;  // no caller to return to; and entry finds the stack aligned as after a call
  *--top = reinterpret_cast<void*>(entry);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  context.stack_pointer = top;
  std::memcpy(stack, &kMark, sizeof kMark);
}

#else

void switch_context(Context& from, Context& to) { swapcontext(&from.context, &to.context); }

void prepare_context(Context& context, char* stack, size_t bytes, void (*entry)()) {
  getcontext(&context.context);
  context.context.uc_stack.ss_sp = stack;
  context.context.uc_stack.ss_size = bytes;
  context.context.uc_link = nullptr;
  makecontext(&context.context, entry, 0);
  std::memcpy(stack, &kMark, sizeof kMark);
}

#endif

Stacks::Stacks() {
  void* memory =
      mmap(nullptr, kCount * kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  base_ = static_cast<char*>(memory);
}

bool Stacks::overflown(int index) const { return std::memcmp(stack(index), &kMark, sizeof kMark) != 0; }

}  // namespace lmspt::emulation
