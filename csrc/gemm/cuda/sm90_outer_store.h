// Where sums of weight gradients for compute capability 9.0 go. Include only from their kernels.
#pragma once

#include "device/cuda/instructions_sm90.h"
#include "gemm/cuda/outer_product.h"

namespace lmspt::cuda {

// Sums of 64 rows of a warp group, of one tap's channels from `channel` on.
struct OuterSums {
  int piece, group, tap, row, channel;
};

// Into C, or into `partial` (pieces, groups, M, N) where that is given.
template <int kSums>
__device__ inline void store_outer_sums(const OuterProduct& o, float* partial, const OuterSums& at,
                                        const float (&sums)[kSums]) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4, channels = o.channels.value();
  float* target = o.c + at.group * o.c_group + at.tap * o.tap_step;
  if (partial) {
    target = partial + (int64_t{at.piece} * o.groups + at.group) * o.rows * o.columns + at.tap * channels;
  }
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int64_t m = at.row + warp * 16 + half * 8 + lane / 4;
    if (m >= o.rows) continue;
#pragma unroll
    for (int j = 0; j < kSums / 4; ++j) {
      const int channel = at.channel + 8 * j + lane % 4 * 2;
      if (channel >= channels) continue;
      const float* pair = sums + 4 * j + 2 * half;
      if (partial) {
        *reinterpret_cast<float2*>(target + m * o.columns + channel) = make_float2(pair[0], pair[1]);
      } else {
        for (int e = 0; e < 2; ++e) target[m * o.row_step + (channel + e) * o.channel_step] = pair[e];
      }
    }
  }
}

}  // namespace lmspt::cuda
