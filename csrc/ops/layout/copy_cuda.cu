#include "ops/layout/copy_cuda.h"

namespace lmspt::cuda {

namespace {

// ---- kernels ----

template <class Index>
__global__ void copy_kernel(const CopyPlan plan, const int32_t* x, int32_t* out, int64_t count) {
  for (int64_t i = first_unit(); i < count; i += unit_step()) {
    Index index = static_cast<Index>(i);
    int64_t at = 0;
#pragma unroll
    for (int dim = kMaxRank - 1; dim >= 0; --dim) {  // places in the plan are known to the compiler
      if (dim >= plan.rank) continue;
      const Index size = static_cast<Index>(plan.size[dim]), rest = index / size;
      at += (index - rest * size) * plan.stride[dim];
      index = rest;
    }
    out[i] = x[at];
  }
}

constexpr int kTile = 32;     // elements of a tile's side
constexpr int kTileRows = 8;  // that a block of kThreads moves at a time

// Two dimensions of a copy change places: `across`, along which the source lies dense, and the last. They go through
// shared memory tile by tile, so that both sides are moved in whole lines.
struct Turn {
  CopyPlan plan;  // of the other dimensions
  int64_t out_stride[kMaxRank];
  int64_t across, last;              // sizes
  int64_t across_step, last_stride;  // in the output, in the source
  int64_t across_tiles, last_tiles, tiles;
};

__global__ void turn_kernel(const Turn turn, const int32_t* x, int32_t* out) {
  __shared__ int32_t tile[kTile][kTile + 1];
  const int column = threadIdx.x % kTile, line = threadIdx.x / kTile;
  for (int64_t unit = blockIdx.x; unit < turn.tiles; unit += gridDim.x) {
    const int64_t first_last = unit % turn.last_tiles * kTile;
    const int64_t first_across = unit / turn.last_tiles % turn.across_tiles * kTile;
    int64_t index = unit / turn.last_tiles / turn.across_tiles, from = 0, to = 0;
    for (int dim = turn.plan.rank - 1; dim >= 0; --dim) {
      const int64_t rest = index / turn.plan.size[dim], at = index - rest * turn.plan.size[dim];
      from += at * turn.plan.stride[dim];
      to += at * turn.out_stride[dim];
      index = rest;
    }
    for (int row = line; row < kTile; row += kTileRows) {
      const int64_t i = first_across + column, k = first_last + row;
      if (i < turn.across && k < turn.last) tile[row][column] = x[from + i + k * turn.last_stride];
    }
    __syncthreads();
    for (int row = line; row < kTile; row += kTileRows) {
      const int64_t i = first_across + row, k = first_last + column;
      if (i < turn.across && k < turn.last) out[to + i * turn.across_step + k] = tile[column][row];
    }
    __syncthreads();  // before the next tile is written
  }
}

// ---- launchers ----

// Which dimension of a copy changes places with the last one, -1 for none.
int turned_dimension(const CopyPlan& plan) {
  const int last = plan.rank - 1;
  if (plan.stride[last] == 1 || plan.size[last] < kTileRows) return -1;
  for (int dim = 0; dim < last; ++dim) {
    if (plan.stride[dim] == 1 && plan.size[dim] >= kTileRows) return dim;
  }
  return -1;
}

Turn make_turn(const CopyPlan& plan, int across) {
  const int last = plan.rank - 1;
  Turn turn{};
  turn.across = plan.size[across];
  turn.last = plan.size[last];
  turn.last_stride = plan.stride[last];
  turn.across_tiles = (turn.across + kTile - 1) / kTile;
  turn.last_tiles = (turn.last + kTile - 1) / kTile;
  turn.tiles = turn.across_tiles * turn.last_tiles;
  int64_t steps[kMaxRank];
  int64_t step = 1;
  for (int dim = last; dim >= 0; --dim) {
    steps[dim] = step;
    step *= plan.size[dim];
  }
  turn.across_step = steps[across];
  for (int dim = 0; dim < last; ++dim) {
    if (dim == across) continue;
    turn.plan.size[turn.plan.rank] = plan.size[dim];
    turn.plan.stride[turn.plan.rank] = plan.stride[dim];
    turn.out_stride[turn.plan.rank++] = steps[dim];
    turn.tiles *= plan.size[dim];
  }
  return turn;
}

}  // namespace

void run_copy(const KernelContext& context, const CopyPlan& plan) {
  const int64_t count = context.out(0).shape.count();
  const int across = turned_dimension(plan);
  if (count > 0 && across >= 0) {
    const Turn turn = make_turn(plan, across);
    launch_blocks(context, turn_kernel, turn.tiles, kThreads, turn, words(context.in(0)), words(context.out(0)));
    return;
  }
  launch_threads(context, fits_int(count) ? copy_kernel<int32_t> : copy_kernel<int64_t>, count, plan,
                 words(context.in(0)), words(context.out(0)), count);
}

}  // namespace lmspt::cuda
