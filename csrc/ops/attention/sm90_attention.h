// Attention in bf16 on GPUs of compute capability 9.0 (docs/cuda-attention.md), for heads of up to 64 features.
#pragma once

#include "device/kernel.h"
#include "ops/attention/attention.h"

namespace lmspt::cuda {

// Whether these kernels compute it. The size of heads and the scale decide, and that there is something to compute, so
// that a query's result does not depend on how many there are.
bool takes_sm90_attention(const KernelContext& context, const AttentionGeometry& geometry);

void attention_sm90(const KernelContext& context, const AttentionGeometry& geometry);
void attention_grad_sm90(const KernelContext& context, const AttentionGeometry& geometry);

}  // namespace lmspt::cuda
