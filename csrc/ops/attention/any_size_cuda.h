// Attention for heads larger than those the tiled kernels hold in shared memory: right, and not fast.
#pragma once

#include "device/kernel.h"
#include "ops/attention/attention.h"

namespace lmspt::cuda {

void attention_of_any_size(const KernelContext& context, const AttentionGeometry& geometry);
void attention_grad_of_any_size(const KernelContext& context, const AttentionGeometry& geometry);

}  // namespace lmspt::cuda
