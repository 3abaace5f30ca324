// The kernel of products along K and its launcher; see outer_product.h. A unit computes a tile: SimtOuter, TensorOuter.
#pragma once

#include "device/cuda/launch.h"
#include "gemm/cuda/outer_product.h"

namespace lmspt::cuda {

constexpr int kMostDepth = 2 * kBlockWords;  // positions of a step, at most; pieces are multiples of them

// How a launch shares out its work: tiles of rows and columns, pieces of K.
struct OuterTasks {
  int down, across, pieces, piece;
  int64_t count;
};

// A tile of one item, group and piece.
struct OuterTask {
  int64_t item, group;
  int m, n, begin, end;
};

// ---- kernels ----

// Sums of one piece into C, or into `partial` (pieces, items, groups, M, N) where that is given.
template <class Unit>
__global__ __launch_bounds__(kThreads, Unit::kBlocks) void outer_kernel(const OuterProduct o, const OuterTasks tasks,
                                                                        float* partial) {
  for (int64_t index = blockIdx.x; index < tasks.count; index += gridDim.x) {
    const int64_t line = index / tasks.across, place = line / tasks.down;  // (pieces, items, groups)
    OuterTask task;
    task.n = static_cast<int>(index % tasks.across) * Unit::kColumns;
    task.m = static_cast<int>(line % tasks.down) * Unit::kRows;
    task.group = place % o.groups;
    task.item = place / o.groups % o.items;
    task.begin = static_cast<int>(place / o.groups / o.items) * tasks.piece;
    task.end = o.depth - task.begin < tasks.piece ? static_cast<int>(o.depth) : task.begin + tasks.piece;
    Unit unit;
    unit.run(o, task, dynamic_shared<uint32_t>());
    unit.each([&](int row, int column, float sum) {
      const int64_t m = task.m + row;
      const int n = task.n + column;
      if (m >= o.rows || n >= o.columns) return;
      if (partial) {
        partial[(place * o.rows + m) * o.columns + n] = sum;
        return;
      }
      const Parts at = divide(n, o.channels);
      o.c[task.item * o.c_item + task.group * o.c_group + m * o.row_step + at.quotient * o.tap_step +
          at.rest * o.channel_step] = sum;
    });
    __syncthreads();  // before the next task writes what this one still reads
  }
}

// ---- launchers ----

// Adds the pieces of every element in their order.
void add_pieces(const KernelContext& context, const OuterProduct& o, int pieces, const float* partial);

template <class Unit>
void launch_outer(const KernelContext& context, const OuterProduct& o, int64_t pieces) {
  OuterTasks tasks{};
  tasks.down = static_cast<int>((o.rows + Unit::kRows - 1) / Unit::kRows);
  tasks.across = static_cast<int>((o.columns + Unit::kColumns - 1) / Unit::kColumns);
  const int64_t steps = ((o.depth + pieces - 1) / pieces + kMostDepth - 1) / kMostDepth;
  tasks.piece = static_cast<int>(steps * kMostDepth);
  tasks.pieces = o.depth == 0 ? 1 : static_cast<int>((o.depth + tasks.piece - 1) / tasks.piece);
  tasks.count = o.items * o.groups * tasks.down * tasks.across * tasks.pieces;
  const bool whole = tasks.pieces == 1;
  const int64_t all = o.items * o.groups * o.rows * o.columns;
  const Scratch scratch(context, whole ? 0 : tasks.pieces * all * sizeof(float));
  auto* partial = static_cast<float*>(scratch.data());
  const Grid grid{dim3(static_cast<unsigned>(std::min(tasks.count, kMaxBlocks))), kThreads,
                  Unit::kSharedWords * sizeof(uint32_t)};
  launch(context, outer_kernel<Unit>, grid, o, tasks, partial);
  if (!whole) add_pieces(context, o, tasks.pieces, partial);
}

}  // namespace lmspt::cuda
