// linear and its packing in bf16 (gemm/bf16.h), for all CPU variants: the arithmetic is that of the context's unit.
#pragma once

#include "device/kernel.h"

namespace lmspt {

void linear_bf16(const KernelContext& context);
void pack_matrix_bf16(const KernelContext& context);

}  // namespace lmspt
