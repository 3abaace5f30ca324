#include "gemm/cuda/arithmetic.h"
#include "gemm/cuda/outer_kernel.h"
#include "gemm/cuda/sm90_kernel.h"
#include "gemm/cuda/sm90_outer.h"
#include "gemm/cuda/sm90_product.h"

namespace lmspt::cuda {

namespace {

constexpr int kPositions = 64;                          // of a block of K
constexpr int64_t kManyTasks = 2 * 132;                 // for every multiprocessor of a large GPU two
constexpr int64_t kLeastBlocks = 8, kMostBlocks = 256;  // of a piece, so that sums do not lose digits
constexpr int64_t kLeastSize = 128;

// The parameter of the kernel. A task is a tile of rows, of one tap's channels, of one group and one piece of K.
struct Sm90Outer {
  CUtensorMap p, q[2];  // (columns, rest, position, item, group); q: those of map 0 or 1 of Sm90Walk
  Sm90Walk walk;
  int down, across;                   // tiles of the rows, and of a tap's channels
  int groups, pieces;                 // K in pieces of as many blocks
  int blocks, blocks_of_item, piece;  // all, of an item, of a piece
  OuterProduct o;
  float* partial;  // (pieces, groups, M, N), or null
};

template <int kColumns>
using Sm90OuterTile = Sm90Tile<Bf16, kColumns, false, WgmmaKind::bf16_across>;

// ---- kernels ----

struct Sm90OuterTask {
  int m, channel, tap, group, piece, begin, end;

  template <class Tile>
  static __device__ Sm90OuterTask of(const Sm90Outer& q, int index) {
    const int tile = index % (q.down * q.across * q.walk.taps), place = index / (q.down * q.across * q.walk.taps);
    const int column = tile / q.down, piece = place / q.groups, begin = piece * q.piece;
    return {tile % q.down * kSm90Rows,
            column % q.across * Tile::kColumns,
            column / q.across,
            place % q.groups,
            piece,
            begin,
            begin + q.piece < q.blocks ? begin + q.piece : q.blocks};
  }
};

template <class Tile>
__device__ inline void produce_sm90_outer(const Sm90Outer& q, const Sm90Ring<Tile>& ring, int tasks) {
  const Sm90Walk& walk = q.walk;
  RingPlace<Tile::kStages> at;
  for (int index = blockIdx.x; index < tasks; index += gridDim.x) {
    const Sm90OuterTask task = Sm90OuterTask::of<Tile>(q, index);
    const int offset = task.tap * walk.dilation + walk.origin;
    const int down = offset >= 0 ? offset / walk.stride : -((walk.stride - 1 - offset) / walk.stride);
    const int rest = offset - down * walk.stride, map = rest >= walk.longer;
    for (int block = task.begin; block < task.end; ++block) {
      const int item = block / q.blocks_of_item, position = block % q.blocks_of_item * kPositions;
      const int row = walk.none[map] ? -kPositions : position + down;
      uint64_t* filled = ring.filled + at.stage;
      barrier_wait(ring.released + at.stage, at.parity ^ 1);
      barrier_arrive_expecting(filled, Tile::kStageBytes);
      for (int part = 0; part < kSm90Rows / 64; ++part) {
        bulk_copy(ring.a(at.stage) + part * kBoxBytes, &q.p, {{task.m + part * 64, 0, position, item, task.group}},
                  filled);
      }
      for (int part = 0; part < Tile::kColumns / 64; ++part) {
        bulk_copy(ring.b(at.stage) + part * kBoxBytes, &q.q[map],
                  {{task.channel + part * 64, rest, row, item, task.group}}, filled);
      }
      at.advance();
    }
  }
}

template <class Tile>
__device__ inline void finish_sm90_outer(const Sm90Outer& q, const Sm90OuterTask& task, int consumer,
                                         const float (&sums)[Tile::kColumns / 2]) {
  const OuterProduct& o = q.o;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4, channels = o.channels.value();
  float* target = o.c + task.group * o.c_group + task.tap * o.tap_step;
  if (q.partial) {
    target = q.partial + (int64_t{task.piece} * q.groups + task.group) * o.rows * o.columns + task.tap * channels;
  }
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int64_t m = task.m + consumer * 64 + warp * 16 + half * 8 + lane / 4;
    if (m >= o.rows) continue;
#pragma unroll
    for (int j = 0; j < Tile::kColumns / 8; ++j) {
      const int channel = task.channel + 8 * j + lane % 4 * 2;
      if (channel >= channels) continue;
      const float* pair = sums + 4 * j + 2 * half;
      if (q.partial) {
        *reinterpret_cast<float2*>(target + m * o.columns + channel) = make_float2(pair[0], pair[1]);
      } else {
        for (int e = 0; e < 2; ++e) target[m * o.row_step + (channel + e) * o.channel_step] = pair[e];
      }
    }
  }
}

template <class Tile>
__global__ __launch_bounds__(kSm90Threads, 1) void sm90_outer_kernel(const __grid_constant__ Sm90Outer q) {
  if constexpr (kHasWgmma) {
    const Sm90Ring<Tile> ring(swizzled_shared());
    if (threadIdx.x == 0) ring.make();
    __syncthreads();
    const int tasks = q.down * q.across * q.walk.taps * q.groups * q.pieces;
    if (threadIdx.x < kWarpGroup) {
      keep_registers<40>();
      if (threadIdx.x == 0) produce_sm90_outer(q, ring, tasks);
    } else {
      take_registers<232>();
      const int consumer = threadIdx.x / kWarpGroup - 1;
      RingPlace<Tile::kStages> at;
      for (int index = blockIdx.x; index < tasks; index += gridDim.x) {
        const Sm90OuterTask task = Sm90OuterTask::of<Tile>(q, index);
        float sums[Tile::kColumns / 2];
        sum_sm90(ring, consumer, task.end - task.begin, at, sums);
        finish_sm90_outer<Tile>(q, task, consumer, sums);
      }
    }
  }
}

// ---- launchers ----

template <int kColumns>
void launch_sm90_outer(const KernelContext& context, const Sm90Outer& q) {
  using Tile = Sm90OuterTile<kColumns>;
  const int64_t tasks = int64_t{1} * q.down * q.across * q.walk.taps * q.groups * q.pieces;
  const int64_t blocks = std::min({tasks, int64_t{gpu_of(context).multiprocessors}, kMaxBlocks});
  launch(context, sm90_outer_kernel<Tile>, {dim3(static_cast<unsigned>(blocks)), kSm90Threads, Tile::kSharedBytes}, q);
}

// Numbers as they lie where they are bf16 already, else rounded into `scratch`.
const void* rounded(const KernelContext& context, const Numbers& x, int64_t count, const Scratch& scratch) {
  if (!scratch.data()) return x.data;
  make_operands(context, Precision::bf16, x, nullptr, count, count, count, scratch.data());
  return scratch.data();
}

// Tiles that waste least of a tap's channels.
int choose_columns(int64_t channels) {
  int best = 256;
  for (int columns : {192, 128}) {
    const auto padded = [&](int width) { return (channels + width - 1) / width * width; };
    if (padded(columns) < padded(best)) best = columns;
  }
  return best;
}

}  // namespace

bool takes_sm90_outer(const KernelContext& context, Precision precision, const OuterProduct& o) {
  const RowsOfA& q = o.taps;
  return gpu_of(context).wgmma && precision == Precision::bf16 && o.depth > 0 && !o.panels.data && o.items == 1 &&
         q.h.in == 1 && q.positions.value() == q.positions_w.value() && o.depth % q.positions.value() == 0 &&
         q.w.in > 0 && o.rows >= kLeastSize && q.channels >= kLeastSize && (o.rows | q.channels) % 8 == 0;
}

void run_sm90_outer(const KernelContext& context, const OuterProduct& o) {
  const RowsOfA& x = o.taps;
  const int64_t positions = x.positions.value(), items = o.depth / positions, stride = x.w.stride;
  const int64_t p_count = o.depth * o.p_pitch, q_count = items * x.w.in * x.w.pitch;
  const Scratch p_scratch(context, o.p.halves ? 0 : bytes_of_operands(Precision::bf16, p_count));
  const Scratch q_scratch(context, x.x.halves ? 0 : bytes_of_operands(Precision::bf16, q_count));
  const void* p_data = rounded(context, o.p, p_count, p_scratch);
  const void* q_data = rounded(context, x.x, q_count, q_scratch);

  Sm90Outer q{};
  q.o = o;
  q.groups = static_cast<int>(o.groups);
  q.walk.taps = x.taps_w.value();
  q.walk.stride = x.w.stride, q.walk.dilation = x.w.dilation, q.walk.origin = x.w.origin;
  q.walk.longer = static_cast<int>(x.w.in % stride == 0 ? stride : x.w.in % stride);
  q.p = tensor_map({p_data,
                    true,
                    {o.rows, 1, positions, items, o.groups},
                    {o.p_pitch, o.p_pitch, positions * o.p_pitch, std::max<int64_t>(o.p_group, 8)},
                    {64, 1, kPositions, 1, 1}});
  for (int i = 0; i < 2; ++i) {
    const int64_t rows = (x.w.in + stride - 1) / stride - (i == 1 && q.walk.longer < stride);
    q.walk.none[i] = rows == 0;
    q.q[i] = tensor_map({q_data,
                         true,
                         {x.channels, stride, std::max<int64_t>(rows, 1), items, o.groups},
                         {x.w.pitch, stride * x.w.pitch, x.w.in * x.w.pitch, std::max<int64_t>(x.group, 8)},
                         {64, 1, kPositions, 1, 1}});
  }

  const int columns = choose_columns(x.channels);
  q.down = static_cast<int>((o.rows + kSm90Rows - 1) / kSm90Rows);
  q.across = (x.channels + columns - 1) / columns;
  q.blocks_of_item = static_cast<int>((positions + kPositions - 1) / kPositions);
  q.blocks = static_cast<int>(items * q.blocks_of_item);
  const int64_t tiles = int64_t{1} * q.down * q.across * q.walk.taps * q.groups;
  int64_t pieces = std::max(kManyTasks / tiles, (q.blocks + kMostBlocks - 1) / kMostBlocks);
  pieces = std::max<int64_t>(1, std::min(pieces, q.blocks / kLeastBlocks));
  q.piece = static_cast<int>((q.blocks + pieces - 1) / pieces);
  q.pieces = (q.blocks + q.piece - 1) / q.piece;

  const Scratch partial(context, q.pieces == 1 ? 0 : q.pieces * o.groups * o.rows * o.columns * sizeof(float));
  q.partial = static_cast<float*>(partial.data());
  switch (columns) {
    case 128: launch_sm90_outer<128>(context, q); break;
    case 192: launch_sm90_outer<192>(context, q); break;
    default: launch_sm90_outer<256>(context, q);
  }
  if (q.partial) add_pieces(context, o, q.pieces, q.partial);
}

}  // namespace lmspt::cuda
