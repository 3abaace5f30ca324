// conv_transpose1d and its packing in bf16 (gemm/bf16.h), for all CPU variants: the arithmetic is that of the context's
// unit. Groups and dilation 1.
#pragma once

#include "device/kernel.h"

namespace lmspt {

void conv_transpose1d_bf16(const KernelContext& context);
void pack_conv_transpose1d_bf16(const KernelContext& context);

}  // namespace lmspt
