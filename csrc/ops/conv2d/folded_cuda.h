// conv2d to few outputs and conv2d_input_grad to few inputs by the engine for compute capability 9.0, whose tiles would
// be almost empty for every tap: one product gives, in float32, what each position adds by each tap, and a pass sums
// for every result what reaches it. The mirror image of unfolded_cuda.h.
#pragma once

#include "gemm/cuda/product.h"
#include "ops/conv2d/conv2d.h"

namespace lmspt::cuda {

// Weights (taps, channels, columns), of which channels are summed.
struct FoldedSize {
  int64_t channels, columns, taps;
};

// Whether that is done. It follows from the weights alone, which are packed for it.
bool is_folded(const KernelContext& context, Precision precision, const FoldedSize& size);

// Elements from one channel, and from one column, to the next; taps lie one after the other.
struct FoldedWeights {
  const float* w;
  int64_t channel_step, column_step;
};
void pack_folded(const KernelContext& context, Precision precision, const FoldedSize& size,
                 const FoldedWeights& weights, void* packed);

// One spatial dimension: result t gets by tap i from position (t * step + i * tap_step + origin) / divisor, where there
// is such a one.
struct FoldedAxis {
  int positions, taps, step, tap_step, origin;
  Divisor divisor;

  static FoldedAxis forward(const ConvAxis& axis);
  static FoldedAxis gradient(const ConvAxis& axis);
};

// `results` tells of C, of its rows and columns, of x, its channels and the taps, and where packed weights are.
void run_folded(const KernelContext& context, Precision precision, const Product& results, const FoldedAxis& h,
                const FoldedAxis& w);

}  // namespace lmspt::cuda
