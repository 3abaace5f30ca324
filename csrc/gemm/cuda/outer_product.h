// Products whose operands both run along K: C[m, n] = sum over k of P[k, m] Q[k, n]. Weight gradients are
// such sums over all positions, and so is a matrix product with a transposed left side.
#pragma once

#include "gemm/cuda/product.h"

namespace lmspt::cuda {

struct OuterProduct {
  int64_t items = 1, groups = 1;
  int64_t rows = 0, columns = 0, depth = 0;  // of an item and a group: M, N, K

  // P (K, M)
  Numbers p;
  int64_t p_item = 0, p_group = 0, p_pitch = 0;  // elements from one to the next

  // Q: position k of x by n = (tap, channel) as RowsOfA says, or packed panels (planes, N / 16, words of K, 16).
  RowsOfA taps;
  ColumnsOfB panels;

  // C: element (m, n) at m * row_step + n / channels.value() * tap_step + n % channels.value() * channel_step
  float* c = nullptr;
  int64_t c_item = 0, c_group = 0;
  Divisor channels;
  int64_t row_step = 0, tap_step = 0, channel_step = 0;
};

// In the order of K, as forward products are summed.
void run_outer_product(const KernelContext& context, Precision precision, const OuterProduct& product);

// K in pieces, whose sums are added in their order. How many there are follows from the shape alone.
void run_weight_gradient(const KernelContext& context, Precision precision, const OuterProduct& product);

}  // namespace lmspt::cuda
