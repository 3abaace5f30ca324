// Weight gradients for GPUs of compute capability 9.0: positions are K. In bf16 and bf16x3 both operands come by bulk
// copies with their columns side by side, and products of warp groups read them across K; for tf32 they are transposed
// before.
#pragma once

#include "gemm/cuda/outer_product.h"

namespace lmspt::cuda {

// Whether they suit the engine; follows from the shape.
bool takes_sm90_outer(const KernelContext& context, Precision precision, const OuterProduct& product);

void run_sm90_outer(const KernelContext& context, Precision precision, const OuterProduct& product);

}  // namespace lmspt::cuda
