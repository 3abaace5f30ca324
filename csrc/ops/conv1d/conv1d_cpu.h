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

// The weights are packed by pack_conv1d with winograd = 1.
void conv1d_winograd(const KernelContext& context);
void pack_conv1d_winograd(const KernelContext& context);

// The weights are not packed.
void conv1d_narrow(const KernelContext& context);

void fused_residual_unit(const KernelContext& context);

}  // namespace lmspt::LMSPT_ISA
