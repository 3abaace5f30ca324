// Convolutions over images for compute capability 9.0 whose taps along w are shifts of one tile (docs/cuda-engine.md):
// those of few columns, which would wait for the second-level cache if every tap brought its rows.
#pragma once

#include "gemm/cuda/sm90_units.h"

namespace lmspt::cuda {

// False, with nothing done, where the product, whose walk is known, is none of these. Sums are in the order of blocks
// of channels, taps along h, rests of w, taps of a rest; where that is not the order of other kernels, weights alone
// decide.
bool run_sm90_shifted(const KernelContext& context, Precision precision, const Sm90Product& product);

}  // namespace lmspt::cuda
