// conv2d of images with few channels by the engine for compute capability 9.0, whose bulk copies need 16 bytes of them:
// a pass lays all taps of a position side by side, and what follows is a matrix product.
#pragma once

#include "gemm/cuda/outer_product.h"

namespace lmspt::cuda {

// Whether that is done, for `rows` positions of what `a` describes.
bool is_unfolded(const KernelContext& context, Precision precision, const RowsOfA& a, int64_t rows, int64_t columns);

// Of weights in panels, which are brought into rows here: what is packed has no room for whole 16 bytes of all taps. C
// has no gaps.
void run_unfolded(const KernelContext& context, Precision precision, const Product& product);

void run_unfolded_weight_gradient(const KernelContext& context, Precision precision, const OuterProduct& product);

}  // namespace lmspt::cuda
