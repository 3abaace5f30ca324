// Weight gradients over images for compute capability 9.0 whose taps along h are shifts of one tile
// (docs/cuda-engine.md): those of few outputs, which would wait for the second-level cache if every tap brought its
// positions.
#pragma once

#include "gemm/cuda/outer_product.h"

namespace lmspt::cuda {

// Whether they take one that suits the engine (sm90_outer.h).
bool takes_sm90_shifted_outer(Precision precision, const OuterProduct& product);

void run_sm90_shifted_outer(const KernelContext& context, const OuterProduct& product);

}  // namespace lmspt::cuda
