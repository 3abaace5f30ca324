// Convolutions over images for compute capability 9.0 whose taps along w are shifts of one tile (docs/cuda-engine.md):
// those of few columns, which would wait for the second-level cache if every tap brought its rows.
#pragma once

#include "gemm/cuda/sm90_units.h"

namespace lmspt::cuda {

// Whether they take a product whose walk is known. Rows of x do not matter.
bool takes_shifted(Precision precision, const Sm90Product& product);

// Fills in the tiling and the maps. Sums are in the order of blocks of channels, taps along h, rests of w, taps of a
// rest.
void run_sm90_shifted(const KernelContext& context, Sm90Product& product);

}  // namespace lmspt::cuda
