// What ops/snake/next_snake.h says, in the epilogue of a product or behind a kernel that has none.
#pragma once

#include "gemm/cuda/product.h"

namespace lmspt::cuda {

inline void activate(const KernelContext& context, int next_alpha, Product& product) {
  product.c.alpha = context.in(next_alpha).f32();
  if (context.attrs->i("activated") == 2) product.c.activated = Numbers(context.out(1));
}

void snake_result(const KernelContext& context, int next_alpha);

}  // namespace lmspt::cuda
