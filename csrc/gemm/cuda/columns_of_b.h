// Blocks of packed weights, copied to shared memory while the block before is multiplied. Each thread stays at its
// columns and goes down the words.
#pragma once

#include "device/cuda/instructions.h"
#include "device/cuda/launch.h"
#include "gemm/cuda/product.h"

namespace lmspt::cuda {

// Words from one row of a block to the next, so that the rows that four lanes read do not meet in a bank.
template <int kColumns>
constexpr int kColumnPitch = kColumns + 8;

template <int kPlanes, int kColumns>
class BlockOfB {
 public:
  // The columns of kColumns / 16 panels from `data` on, of which `panels` are there.
  __device__ BlockOfB(const ColumnsOfB& b, const uint32_t* data, int64_t panels)
      : inside_(column() / kPanelWidth < panels), source_(data), plane_(b.plane) {
    if (inside_) source_ += column() / kPanelWidth * b.panel + word_of_thread() * kPanelWidth + column() % kPanelWidth;
  }

  // Words [first, first + kBlockWords) of K, zeros from `end` on and for panels that are not there.
  __device__ void copy(int first, int end, uint32_t* target) const {
    if (kDown * kAcross < kThreads && word_of_thread() >= kDown) return;
    if (kDown > kBlockWords && word_of_thread() >= kBlockWords) return;
    target += word_of_thread() * kColumnPitch<kColumns> + column();
#pragma unroll
    for (int plane = 0; plane < kPlanes; ++plane) {
#pragma unroll
      for (int word = 0; word < kBlockWords; word += kDown) {
        const bool inside = inside_ && first + word + word_of_thread() < end;
        copy_async<16>(target + (plane * kBlockWords + word) * kColumnPitch<kColumns>,
                       source_ + (inside ? plane * plane_ + int64_t{first + word} * kPanelWidth : 0), inside ? 16 : 0);
      }
    }
  }

 private:
  static constexpr int power_below(int n) { return n < 2 ? 1 : 2 * power_below(n / 2); }

  // Copies of a row, rows at once; where rows are no power of two, some threads copy nothing.
  static constexpr int kAcross = kColumns / 4, kDown = power_below(kThreads / kAcross);

  static __device__ int column() { return static_cast<int>(threadIdx.x) % kAcross * 4; }
  static __device__ int word_of_thread() { return static_cast<int>(threadIdx.x) / kAcross; }

  bool inside_;
  const uint32_t* source_;
  int64_t plane_;
};

}  // namespace lmspt::cuda
