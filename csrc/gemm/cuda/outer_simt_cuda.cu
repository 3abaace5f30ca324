// Products along K in float32: 256 threads as 16 by 16, each with kM by kN sums. Blocks of both operands are copied to
// shared memory some steps ahead.
#include "device/cuda/instructions.h"
#include "gemm/cuda/outer_kernel.h"
#include "gemm/cuda/outer_units.h"
#include "gemm/cuda/rows_along_k.h"
#include "gemm/cuda/simt_tile.h"

namespace lmspt::cuda {

namespace {

constexpr int kDepth = 16;  // positions of a step
constexpr int kStages = 3;  // steps in shared memory

// ---- kernels ----

// Copies of kCount neighbouring floats; a thread stays in its columns.
template <class Rows, int kCount, int kColumns>
class CopiedBlock {
 public:
  __device__ CopiedBlock(const OuterProduct& o, const OuterTask& task, int first)
      : rows_(o, task.item, task.group, first + column()) {}

  __device__ void copy(int first, int end, float* target) const {
#pragma unroll
    for (int k = row(); k < kDepth; k += kDown) {
      const int64_t at = first + k < end ? rows_.at(first + k) : kNoPlace;
      const float* source = rows_.numbers().floats();
      copy_async<4 * kCount>(target + k * kColumns + column(), at == kNoPlace ? source : source + at,
                             at == kNoPlace ? 0 : 4 * kCount);
    }
  }

 private:
  static constexpr int kAcross = kColumns / kCount, kDown = kThreads / kAcross;
  static_assert(kThreads % kAcross == 0 && kDepth % kDown == 0);
  static __device__ int column() { return static_cast<int>(threadIdx.x) % kAcross * kCount; }
  static __device__ int row() { return static_cast<int>(threadIdx.x) / kAcross; }

  Rows rows_;
};

template <class RowsOfQ, int kCount, int kM, int kN>
class SimtOuter {
 public:
  static constexpr int kRows = 16 * kM, kColumns = 16 * kN;
  static constexpr int kBlocks = kM * kN < 64 ? 2 : 1;
  static constexpr int kSharedWords = kStages * kDepth * (kRows + kColumns);

  __device__ void run(const OuterProduct& o, const OuterTask& task, uint32_t* shared) {
    auto* blocks_of_p = reinterpret_cast<float*>(shared);
    float* blocks_of_q = blocks_of_p + kStages * kDepth * kRows;
    const CopiedBlock<RowsOfP, kCount, kRows> rows_of_p(o, task, task.m);
    const CopiedBlock<RowsOfQ, kCount, kColumns> rows_of_q(o, task, task.n);
    const int steps = (task.end - task.begin + kDepth - 1) / kDepth;
    const auto copy = [&](int step) {
      if (step < steps) {
        rows_of_p.copy(task.begin + step * kDepth, task.end, blocks_of_p + step % kStages * kDepth * kRows);
        rows_of_q.copy(task.begin + step * kDepth, task.end, blocks_of_q + step % kStages * kDepth * kColumns);
      }
      copy_async_commit();
    };
    for (int step = 0; step < kStages - 1; ++step) copy(step);
    for (int step = 0; step < steps; ++step) {
      copy_async_wait<kStages - 2>();
      __syncthreads();
      copy(step + kStages - 1);
      const float* p = blocks_of_p + step % kStages * kDepth * kRows + simt_row() * 4;
      const float* q = blocks_of_q + step % kStages * kDepth * kColumns + simt_column() * 4;
#pragma unroll
      for (int k = 0; k < kDepth; ++k) {
        float a[kM], b[kN];
        load_fours(p + k * kRows, a);
        load_fours(q + k * kColumns, b);
#pragma unroll
        for (int i = 0; i < kM; ++i) {
#pragma unroll
          for (int j = 0; j < kN; ++j) sums_[i][j] = fmaf(a[i], b[j], sums_[i][j]);
        }
      }
    }
  }

  template <class Put>
  __device__ void each(const Put& put) const {
#pragma unroll
    for (int i = 0; i < kM; ++i) {
#pragma unroll
      for (int j = 0; j < kN; ++j) {
        put(simt_row() * 4 + i / 4 * 64 + i % 4, simt_column() * 4 + j / 4 * 64 + j % 4, sums_[i][j]);
      }
    }
  }

 private:
  template <int kLength>
  static __device__ void load_fours(const float* source, float (&values)[kLength]) {
#pragma unroll
    for (int i = 0; i < kLength; i += 4) {
      const float4 four = *reinterpret_cast<const float4*>(source + 16 * i);
      values[i] = four.x, values[i + 1] = four.y, values[i + 2] = four.z, values[i + 3] = four.w;
    }
  }

  float sums_[kM][kN] = {};
};

__global__ void add_pieces_kernel(const OuterProduct o, int pieces, const float* partial) {
  const int64_t all = o.items * o.groups * o.rows * o.columns;
  for (int64_t i = first_unit(); i < all; i += unit_step()) {
    float sum = partial[i];
    for (int piece = 1; piece < pieces; ++piece) sum += partial[piece * all + i];
    const Parts at = divide(static_cast<int>(i % o.columns), o.channels);
    const int64_t line = i / o.columns, row = line % o.rows, place = line / o.rows;
    o.c[place / o.groups * o.c_item + place % o.groups * o.c_group + row * o.row_step + at.quotient * o.tap_step +
        at.rest * o.channel_step] = sum;
  }
}

// ---- launchers ----

template <class RowsOfQ>
void launch_simt(const KernelContext& context, const OuterProduct& o, const OuterChoice& choice) {
  if (!choice.fours) return launch_outer<SimtOuter<RowsOfQ, 1, 4, 4>>(context, o, choice.pieces);
  if (choice.large) return launch_outer<SimtOuter<RowsOfQ, 4, 8, 8>>(context, o, choice.pieces);
  launch_outer<SimtOuter<RowsOfQ, 4, 4, 4>>(context, o, choice.pieces);
}

}  // namespace

void add_pieces(const KernelContext& context, const OuterProduct& o, int pieces, const float* partial) {
  launch_threads(context, add_pieces_kernel, o.items * o.groups * o.rows * o.columns, o, pieces, partial);
}

void sum_float32(const KernelContext& context, const OuterProduct& o, const OuterChoice& choice) {
  o.panels.data ? launch_simt<RowsOfPanels>(context, o, choice) : launch_simt<RowsOfTaps>(context, o, choice);
}

}  // namespace lmspt::cuda
