// Snake as a kernel, and behind other kernels. Include only from *_cpu.cc files.
#pragma once

#include "device/kernel.h"

namespace lmspt::LMSPT_ISA {

void snake_forward(const KernelContext& context);

// A kernel, then what ops/snake/next_snake.h says.
template <Kernel kernel, int next_alpha>
void then_snake(const KernelContext& context) {
  kernel(context);
  const int64_t activated = context.attrs->i("activated");
  if (activated == 0) return;
  const Tensor inputs[] = {context.out(0), context.in(next_alpha)};
  KernelContext last = context;
  last.inputs = inputs, last.input_count = 2;
  last.outputs = context.outputs + activated - 1, last.output_count = 1;
  snake_forward(last);
}

}  // namespace lmspt::LMSPT_ISA
