// Products along K by tensor cores: blocks of both operands are fetched into registers while the one before is
// multiplied, then rounded into words along K. Include only from the outer_*_cuda.cu files.
#pragma once

#include "gemm/cuda/outer_kernel.h"
#include "gemm/cuda/outer_units.h"
#include "gemm/cuda/rows_along_k.h"
#include "gemm/cuda/tensor_tile.h"

namespace lmspt::cuda {

// ---- kernels ----

// kCount neighbouring columns of a word's positions; a thread stays in its columns and goes down the words.
template <class Arithmetic, class Rows, int kCount, int kColumns>
class FetchedBlock {
 public:
  __device__ FetchedBlock(const OuterProduct& o, const OuterTask& task, int first)
      : rows_(o, task.item, task.group, first + column()) {}

  __device__ void fetch(int first, int end) {
#pragma unroll
    for (int i = 0; i < kWords; ++i) {
#pragma unroll
      for (int f = 0; f < Arithmetic::kFloats; ++f) {
        const int position = first + word(i) * Arithmetic::kFloats + f;
        const int64_t at = position < end ? rows_.at(position) : kNoPlace;
        if (at != kNoPlace) {
          rows_.numbers().template load<kCount, Arithmetic::kHalves>(at, values_[i][f]);
        } else {
#pragma unroll
          for (int c = 0; c < kCount; ++c) values_[i][f][c] = 0;
        }
      }
    }
  }

  // target (planes, kBlockWords, kColumnPitch)
  __device__ void store(uint32_t* target) const {
#pragma unroll
    for (int i = 0; i < kWords; ++i) {
#pragma unroll
      for (int plane = 0; plane < Arithmetic::kPlanes; ++plane) {
        uint32_t words[kCount];
#pragma unroll
        for (int c = 0; c < kCount; ++c) {
          float values[Arithmetic::kFloats];
          for (int f = 0; f < Arithmetic::kFloats; ++f) values[f] = values_[i][f][c];
          words[c] = Arithmetic::word(values, plane);
        }
        uint32_t* place = target + (plane * kBlockWords + word(i)) * kColumnPitch<kColumns> + column();
        if constexpr (kCount == 4) {
          *reinterpret_cast<uint4*>(place) = make_uint4(words[0], words[1], words[2], words[3]);
        } else {
          *place = words[0];
        }
      }
    }
  }

 private:
  static constexpr int kAcross = kColumns / kCount, kDown = kThreads / kAcross, kWords = kBlockWords / kDown;
  static_assert(kThreads % kAcross == 0 && kBlockWords % kDown == 0);
  static __device__ int column() { return static_cast<int>(threadIdx.x) % kAcross * kCount; }
  static __device__ int word(int i) { return static_cast<int>(threadIdx.x) / kAcross + i * kDown; }

  Rows rows_;
  float values_[kWords][Arithmetic::kFloats][kCount];
};

// Panels are words already.
template <class Arithmetic, int kColumns>
class PanelBlock {
 public:
  __device__ PanelBlock(const OuterProduct& o, const OuterTask& task, int first)
      : words_(static_cast<int>(o.depth + Arithmetic::kFloats - 1) / Arithmetic::kFloats),
        block_(o.panels,
               o.panels.data + task.item * o.panels.item + task.group * o.panels.group +
                   first / kPanelWidth * o.panels.panel,
               (o.columns + kPanelWidth - 1) / kPanelWidth - first / kPanelWidth) {}

  __device__ void fetch(int first, int) { first_ = first / Arithmetic::kFloats; }
  __device__ void store(uint32_t* target) const {
    block_.copy(first_, words_, target);
    copy_async_commit();
    copy_async_wait<0>();
  }

 private:
  int words_, first_ = 0;
  BlockOfB<Arithmetic::kPlanes, kColumns> block_;
};

template <class Tile, class BlockOfP, class BlockOfQ>
class TensorOuter {
  using Arithmetic = typename Tile::Operands;
  static constexpr int kDepth = kBlockWords * Arithmetic::kFloats;
  static constexpr int kPWords = Arithmetic::kPlanes * kBlockWords * kColumnPitch<Tile::kRows>;
  static constexpr int kQWords = Arithmetic::kPlanes * kBlockWords * kColumnPitch<Tile::kColumns>;

 public:
  static constexpr int kRows = Tile::kRows, kColumns = Tile::kColumns, kBlocks = 1;
  static constexpr int kSharedWords = 2 * (kPWords + kQWords);

  __device__ void run(const OuterProduct& o, const OuterTask& task, uint32_t* shared) {
    uint32_t* blocks_of_q = shared + 2 * kPWords;
    BlockOfP p(o, task, task.m);
    BlockOfQ q(o, task, task.n);
    sums_.clear();
    const int steps = (task.end - task.begin + kDepth - 1) / kDepth;
    const auto fetch = [&](int step) {
      p.fetch(task.begin + step * kDepth, task.end);
      q.fetch(task.begin + step * kDepth, task.end);
    };
    const auto store = [&](int step) {
      p.store(shared + step % 2 * kPWords);
      q.store(blocks_of_q + step % 2 * kQWords);
    };
    if (steps > 0) {
      fetch(0);
      store(0);
    }
    for (int step = 0; step < steps; ++step) {
      __syncthreads();
      if (step + 1 < steps) fetch(step + 1);
      sums_.multiply_along_k(shared + step % 2 * kPWords, blocks_of_q + step % 2 * kQWords);
      if (step + 1 < steps) store(step + 1);
    }
  }

  template <class Put>
  __device__ void each(const Put& put) const {
    sums_.each(put);
  }

 private:
  Tile sums_;
};

// ---- launchers ----

template <class Arithmetic, int kCount, class Tile>
void launch_tensor_outer(const KernelContext& context, const OuterProduct& o, int64_t pieces) {
  using P = FetchedBlock<Arithmetic, RowsOfP, kCount, Tile::kRows>;
  if (o.panels.data) {
    launch_outer<TensorOuter<Tile, P, PanelBlock<Arithmetic, Tile::kColumns>>>(context, o, pieces);
  } else {
    using Q = FetchedBlock<Arithmetic, RowsOfTaps, kCount, Tile::kColumns>;
    launch_outer<TensorOuter<Tile, P, Q>>(context, o, pieces);
  }
}

// Tiles of 64 by 64, or of 128 by 64.
template <class Arithmetic>
void launch_tensor_sums(const KernelContext& context, const OuterProduct& o, const OuterChoice& choice) {
  using Small = TensorTile<Arithmetic, 2, 2, 2>;
  if (!choice.fours) return launch_tensor_outer<Arithmetic, 1, Small>(context, o, choice.pieces);
  if (!choice.large) return launch_tensor_outer<Arithmetic, 4, Small>(context, o, choice.pieces);
  launch_tensor_outer<Arithmetic, 4, TensorTile<Arithmetic, 4, 2, 4>>(context, o, choice.pieces);
}

}  // namespace lmspt::cuda
