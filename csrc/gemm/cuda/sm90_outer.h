// Weight gradients for GPUs of compute capability 9.0, in bf16: both operands come by bulk copies as they lie in
// memory, positions as K, and products of warp groups read them across K.
#pragma once

#include "gemm/cuda/outer_product.h"

namespace lmspt::cuda {

// Whether they suit the engine; follows from the shape.
bool takes_sm90_outer(const KernelContext& context, Precision precision, const OuterProduct& product);

void run_sm90_outer(const KernelContext& context, const OuterProduct& product);

}  // namespace lmspt::cuda
