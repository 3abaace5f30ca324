// The convolution kernels that conv1d chooses among, and what they share. Include only from *_cpu.cc files.
#pragma once

#include "device/kernel.h"
#include "ops/conv1d/conv1d.h"
#include "ops/conv1d/stage_cpu.h"

namespace lmspt::LMSPT_ISA {

LMSPT_INLINE int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

// Into how many tasks the panels of a tile are divided: where tiles are few, so that the threads have equal shares.
LMSPT_INLINE int64_t panel_splits(int64_t tiles, int64_t panels, int threads) {
  const int64_t wanted = tiles % threads == 0 || tiles >= 8 * threads ? 1 : threads;
  return wanted < panels ? wanted : panels;
}

// Of a task's scratch memory, the reciprocals that Snake needs.
struct SnakeScratch {
  static LMSPT_INLINE int64_t floats(const Tensor& alpha, int64_t channels) {
    return alpha ? round_up(channels, kLanes) : 0;
  }
  // The reciprocals are cheap; a copy in every worker's scratch keeps the workers apart.
  static LMSPT_INLINE SnakeParameters fill(const Tensor& alpha, int64_t channels, float* inverse) {
    for (int64_t c = 0; alpha && c < channels; ++c) inverse[c] = 1.f / (alpha.f32()[c] + 1e-9f);
    return {alpha.f32(), inverse};
  }
};

// Weights to be packed: (outputs, inputs, taps), or the transposed form of conv1d.h.
struct Conv1dWeights {
  const float* w;
  int64_t outputs, inputs, taps;
  bool transposed;

  // All taps of one input for sixteen outputs, zeros beyond the last.
  LMSPT_INLINE void load(int64_t output, int64_t input, float (*lanes)[kLanes]) const {
    const int64_t step = transposed ? taps : inputs * taps;
    const float* source = w + (transposed ? input * outputs + output : output * inputs + input) * taps;
    for (int64_t n = 0; n < kLanes; ++n) {
      const bool is_there = output + n < outputs;
      for (int64_t j = 0; j < taps; ++j) {
        lanes[transposed ? taps - 1 - j : j][n] = is_there ? source[n * step + j] : 0;
      }
    }
  }
};

LMSPT_INLINE Conv1dWeights conv1d_weights(const KernelContext& context) {
  const Tensor w = context.in(0);
  const bool transposed = context.attrs->b("transposed");
  return {w.f32(), w.shape[transposed ? 1 : 0], w.shape[transposed ? 0 : 1], w.shape[2], transposed};
}

// The weights are packed by pack_conv1d with winograd = 1.
void conv1d_winograd(const KernelContext& context);
void pack_conv1d_winograd(const KernelContext& context);

// The weights are not packed.
void conv1d_narrow(const KernelContext& context);

void fused_residual_unit(const KernelContext& context);
void conv1d_weight_grad(const KernelContext& context);

}  // namespace lmspt::LMSPT_ISA
