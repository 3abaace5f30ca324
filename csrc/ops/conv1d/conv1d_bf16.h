// conv1d, fused_residual_unit and packing in bf16 (gemm/bf16.h), for all CPU variants: the arithmetic is that of the
// context's unit. Groups 1, and a stride or a dilation of 1.
#pragma once

#include "device/kernel.h"

namespace lmspt {

// 1 / (alpha + 1e-9) for every channel; nothing without alpha.
LMSPT_INLINE void snake_inverse(const Tensor& alpha, float* inverse) {
  for (int64_t c = 0; alpha && c < alpha.shape.count(); ++c) inverse[c] = 1.f / (alpha.f32()[c] + 1e-9f);
}

void conv1d_bf16(const KernelContext& context);
void pack_conv1d_bf16(const KernelContext& context);
void fused_residual_unit_bf16(const KernelContext& context);  // an even number of channels

}  // namespace lmspt
