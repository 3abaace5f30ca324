// conv1d and its packing in bf16 (gemm/bf16.h), for all CPU variants: the arithmetic is that of the context's unit.
// Groups 1, and a stride or a dilation of 1.
#pragma once

#include "device/kernel.h"

namespace lmspt {

void conv1d_bf16(const KernelContext& context);
void pack_conv1d_bf16(const KernelContext& context);

}  // namespace lmspt
