// Blocks of packed weights, copied to shared memory while the block before is multiplied.
#pragma once

#include "device/cuda/instructions.h"
#include "gemm/cuda/product.h"

namespace lmspt::cuda {

// Words from one row of a block to the next, so that the rows that four lanes read do not meet in a bank.
template <int kColumns>
constexpr int kColumnPitch = kColumns + 8;

// Words [first, first + kBlockWords) of K, zeros from `end` on, for the columns of kColumns / 16 panels, zeros beyond
// the last one. `b` points at the first panel.
template <int kPlanes, int kColumns>
__device__ inline void copy_block(const ColumnsOfB& b, const uint32_t* data, int64_t panels_left, int first, int end,
                                  uint32_t* target) {
  constexpr int kPitch = kColumnPitch<kColumns>, kCopies = kBlockWords * kColumns / 4;
  for (int plane = 0; plane < kPlanes; ++plane) {
#pragma unroll
    for (int i = threadIdx.x; i < kCopies; i += blockDim.x) {
      const int part = i % 4, panel = i / 4 % (kColumns / kPanelWidth), word = i / (kColumns / 4);
      const bool inside = first + word < end && panel < panels_left;
      const int64_t source = plane * b.plane + panel * b.panel + int64_t{first + word} * kPanelWidth + part * 4;
      copy_async<16>(target + (plane * kBlockWords + word) * kPitch + panel * kPanelWidth + part * 4,
                     data + (inside ? source : 0), inside ? 16 : 0);
    }
  }
}

}  // namespace lmspt::cuda
