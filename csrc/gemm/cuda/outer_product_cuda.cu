// A block has 256 threads as 16 by 16, each with kM by kN sums. Blocks of both operands are copied to shared memory
// some steps ahead; K is the slow dimension of both.
#include <string>

#include "device/cuda/instructions.h"
#include "device/cuda/launch.h"
#include "device/error.h"
#include "gemm/cuda/outer_product.h"

namespace lmspt::cuda {

namespace {

constexpr int kDepth = 16;                 // of a step
constexpr int kStages = 3;                 // steps in shared memory
constexpr int64_t kManyTasks = 4 * 132;    // for every multiprocessor of a large GPU four
constexpr int64_t kLeastPiece = 512;       // positions
constexpr int64_t kMostPiece = 16 * 1024;  // so that sums do not lose digits

struct Tasks {
  int down, across, pieces, piece;  // tiles of rows and columns, parts of K, positions of a part
  int64_t count;
};

// Copies of kCount neighbouring floats; a thread stays in its columns.
template <int kCount, int kColumns>
struct Copies {
  static constexpr int kAcross = kColumns / kCount, kDown = kThreads / kAcross;
  static_assert(kThreads % kAcross == 0 && kDepth % kDown == 0);
  static __device__ int column() { return static_cast<int>(threadIdx.x) % kAcross * kCount; }
  static __device__ int row() { return static_cast<int>(threadIdx.x) / kAcross; }
};

// ---- kernels ----

// P: dense rows.
template <int kCount, int kColumns>
class RowsOfP {
  using Grid = Copies<kCount, kColumns>;

 public:
  __device__ RowsOfP(const OuterProduct& o, const float* p, int m)
      : inside_(m + Grid::column() < o.rows), source_(inside_ ? p + m + Grid::column() : p), pitch_(o.p_pitch) {}

  __device__ void copy(int first, int end, float* target) const {
    for (int k = Grid::row(); k < kDepth; k += Grid::kDown) {
      const bool inside = inside_ && first + k < end;
      copy_async<4 * kCount>(target + k * kColumns + Grid::column(), source_ + (inside ? (first + k) * pitch_ : 0),
                             inside ? 4 * kCount : 0);
    }
  }

 private:
  bool inside_;
  const float* source_;
  int64_t pitch_;
};

// Q: what a tap meets at each position.
template <int kCount, int kColumns>
class RowsOfTaps {
  using Grid = Copies<kCount, kColumns>;

 public:
  __device__ RowsOfTaps(const OuterProduct& o, int64_t item, int64_t group, int n)
      : taps_(o.taps), x_(o.taps.x + item * o.taps.item + group * o.taps.group) {
    const Parts tap = divide(n + Grid::column(), o.taps.tap_words), at = divide(tap.quotient, o.taps.taps_w);
    inside_ = n + Grid::column() < o.columns;
    h_ = at.quotient * o.taps.h.dilation + o.taps.h.origin;
    w_ = at.rest * o.taps.w.dilation + o.taps.w.origin;
    channel_ = tap.rest;
  }

  __device__ void copy(int first, int end, float* target) const {
    for (int k = Grid::row(); k < kDepth; k += Grid::kDown) {
      const Parts outer = divide(first + k, taps_.positions), at = divide(outer.rest, taps_.positions_w);
      const int h = at.quotient * taps_.h.stride + h_, w = at.rest * taps_.w.stride + w_;
      const bool inside = inside_ && first + k < end && static_cast<unsigned>(h) < static_cast<unsigned>(taps_.h.in) &&
                          static_cast<unsigned>(w) < static_cast<unsigned>(taps_.w.in);
      const int64_t source = outer.quotient * taps_.outer + h * taps_.h.pitch + w * taps_.w.pitch + channel_;
      copy_async<4 * kCount>(target + k * kColumns + Grid::column(), x_ + (inside ? source : 0),
                             inside ? 4 * kCount : 0);
    }
  }

 private:
  const RowsOfA& taps_;
  const float* x_;
  bool inside_;
  int h_, w_, channel_;
};

// Q: packed panels, which have zeros beyond the last column.
template <int kCount, int kColumns>
class RowsOfPanels {
  using Grid = Copies<4, kColumns>;

 public:
  __device__ RowsOfPanels(const OuterProduct& o, int64_t item, int64_t group, int n) {
    const int column = n + Grid::column();
    inside_ = column < (o.columns + kPanelWidth - 1) / kPanelWidth * kPanelWidth;
    source_ = o.panels.data + item * o.panels.item + group * o.panels.group;
    if (inside_) source_ += column / kPanelWidth * o.panels.panel + column % kPanelWidth;
  }

  __device__ void copy(int first, int end, float* target) const {
    for (int k = Grid::row(); k < kDepth; k += Grid::kDown) {
      const bool inside = inside_ && first + k < end;
      copy_async<16>(target + k * kColumns + Grid::column(), source_ + (inside ? int64_t{first + k} * kPanelWidth : 0),
                     inside ? 16 : 0);
    }
  }

 private:
  bool inside_;
  const uint32_t* source_;
};

__device__ inline void load_fours(const float* source, float* values, int count) {
  for (int i = 0; i < count; i += 4) {
    const float4 four = *reinterpret_cast<const float4*>(source + 16 * i);
    values[i] = four.x, values[i + 1] = four.y, values[i + 2] = four.z, values[i + 3] = four.w;
  }
}

// Sums of one piece into C, or into `partial` (pieces, items, groups, M, N) where that is given.
template <template <int, int> class RowsOfQ, int kCount, int kM, int kN>
__global__ __launch_bounds__(kThreads, kM* kN < 64 ? 2 : 1) void outer_kernel(const OuterProduct o, const Tasks tasks,
                                                                              float* partial) {
  constexpr int kRows = 16 * kM, kColumns = 16 * kN;
  auto* blocks_of_p = dynamic_shared<float>();
  float* blocks_of_q = blocks_of_p + kStages * kDepth * kRows;
  const int left = static_cast<int>(threadIdx.x) / 64 * 4 + static_cast<int>(threadIdx.x) % 32 / 8;
  const int right = static_cast<int>(threadIdx.x) / 32 % 2 * 8 + static_cast<int>(threadIdx.x) % 8;

  for (int64_t task = blockIdx.x; task < tasks.count; task += gridDim.x) {
    const int n = static_cast<int>(task % tasks.across) * kColumns;
    const int m = static_cast<int>(task / tasks.across % tasks.down) * kRows;
    const int64_t place = task / tasks.across / tasks.down;  // (pieces, items, groups)
    const int64_t group = place % o.groups, item = place / o.groups % o.items, piece = place / o.groups / o.items;
    const int begin = static_cast<int>(piece) * tasks.piece;
    const int end = o.depth - begin < tasks.piece ? static_cast<int>(o.depth) : begin + tasks.piece;
    const RowsOfP<kCount, kRows> rows_of_p(o, o.p + item * o.p_item + group * o.p_group, m);
    const RowsOfQ<kCount, kColumns> rows_of_q(o, item, group, n);
    const int steps = (end - begin + kDepth - 1) / kDepth;
    const auto copy = [&](int step) {
      if (step < steps) {
        rows_of_p.copy(begin + step * kDepth, end, blocks_of_p + step % kStages * kDepth * kRows);
        rows_of_q.copy(begin + step * kDepth, end, blocks_of_q + step % kStages * kDepth * kColumns);
      }
      copy_async_commit();
    };
    float sums[kM][kN] = {};
    for (int step = 0; step < kStages - 1; ++step) copy(step);
    for (int step = 0; step < steps; ++step) {
      copy_async_wait<kStages - 2>();
      __syncthreads();
      copy(step + kStages - 1);
      const float* p = blocks_of_p + step % kStages * kDepth * kRows + left * 4;
      const float* q = blocks_of_q + step % kStages * kDepth * kColumns + right * 4;
#pragma unroll
      for (int k = 0; k < kDepth; ++k) {
        float a[kM], b[kN];
        load_fours(p + k * kRows, a, kM);
        load_fours(q + k * kColumns, b, kN);
#pragma unroll
        for (int i = 0; i < kM; ++i) {
#pragma unroll
          for (int j = 0; j < kN; ++j) sums[i][j] = fmaf(a[i], b[j], sums[i][j]);
        }
      }
    }
    __syncthreads();  // before the next task writes what this one still reads
#pragma unroll
    for (int i = 0; i < kM; ++i) {
      const int64_t row = m + left * 4 + i / 4 * 64 + i % 4;
#pragma unroll
      for (int j = 0; j < kN; ++j) {
        const int column = n + right * 4 + j / 4 * 64 + j % 4;
        if (row >= o.rows || column >= o.columns) continue;
        if (partial) {
          partial[(place * o.rows + row) * o.columns + column] = sums[i][j];
        } else {
          const Parts at = divide(column, o.channels);
          o.c[item * o.c_item + group * o.c_group + row * o.row_step + at.quotient * o.tap_step +
              at.rest * o.channel_step] = sums[i][j];
        }
      }
    }
  }
}

// Adds the pieces of every element in their order.
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

bool are_fours(const OuterProduct& o) {
  int64_t all = reinterpret_cast<int64_t>(o.p) | o.p_item * 4 | o.p_group * 4 | o.p_pitch * 4 | o.rows * 4;
  if (!o.panels.data) {
    const RowsOfA& q = o.taps;
    all |= reinterpret_cast<int64_t>(q.x);
    for (int64_t number : {q.item, q.outer, q.group, q.h.pitch, q.w.pitch, int64_t{q.channels}}) all |= number * 4;
  }
  return all % 16 == 0;
}

int64_t tiles_of(const OuterProduct& o, int64_t size) {
  return o.items * o.groups * ((o.rows + size - 1) / size) * ((o.columns + size - 1) / size);
}

template <template <int, int> class RowsOfQ, int kCount, int kM, int kN>
void launch_outer(const KernelContext& context, const OuterProduct& o, int64_t pieces) {
  constexpr int kRows = 16 * kM, kColumns = 16 * kN;
  Tasks tasks{};
  tasks.down = static_cast<int>((o.rows + kRows - 1) / kRows);
  tasks.across = static_cast<int>((o.columns + kColumns - 1) / kColumns);
  tasks.piece = static_cast<int>(((o.depth + pieces - 1) / pieces + kDepth - 1) / kDepth * kDepth);
  tasks.pieces = tasks.piece == 0 ? 1 : static_cast<int>((o.depth + tasks.piece - 1) / tasks.piece);
  tasks.count = o.items * o.groups * tasks.down * tasks.across * tasks.pieces;
  const bool whole = tasks.pieces == 1;
  const int64_t all = o.items * o.groups * o.rows * o.columns;
  const Scratch scratch(context, whole ? 0 : tasks.pieces * all * sizeof(float));
  auto* partial = static_cast<float*>(scratch.data());
  const Grid grid{dim3(static_cast<unsigned>(std::min(tasks.count, kMaxBlocks))), kThreads,
                  kStages * kDepth * (kRows + kColumns) * sizeof(float)};
  launch(context, outer_kernel<RowsOfQ, kCount, kM, kN>, grid, o, tasks, partial);
  if (!whole) launch_threads(context, add_pieces_kernel, all, o, tasks.pieces, partial);
}

template <template <int, int> class RowsOfQ>
void choose(const KernelContext& context, const OuterProduct& o, bool in_pieces) {
  if (o.items * o.groups * o.rows * o.columns == 0) return;
  if (o.depth >= kBeyondAll || o.rows >= kBeyondAll || o.columns >= kBeyondAll) {
    throw Error(ErrorCode::unsupported, "Expected matrices of fewer than 2^30 rows and columns on cuda, got " +
                                            std::to_string(o.depth) + " by " + std::to_string(o.rows) + " and " +
                                            std::to_string(o.columns));
  }
  const bool fours = are_fours(o), large = fours && o.rows > 64 && o.columns > 64;
  int64_t pieces = 1;
  if (in_pieces) {
    pieces = std::max(kManyTasks / tiles_of(o, large ? 128 : 64), (o.depth + kMostPiece - 1) / kMostPiece);
    pieces = std::max<int64_t>(1, std::min(pieces, o.depth / kLeastPiece));
  }
  if (!fours) return launch_outer<RowsOfQ, 1, 4, 4>(context, o, pieces);
  if (large && (in_pieces || tiles_of(o, 128) >= kManyTasks / 4))
    return launch_outer<RowsOfQ, 4, 8, 8>(context, o, pieces);
  launch_outer<RowsOfQ, 4, 4, 4>(context, o, pieces);
}

}  // namespace

void run_outer_product(const KernelContext& context, const OuterProduct& o) {
  o.panels.data ? choose<RowsOfPanels>(context, o, false) : choose<RowsOfTaps>(context, o, false);
}

void run_weight_gradient(const KernelContext& context, const OuterProduct& o) { choose<RowsOfTaps>(context, o, true); }

}  // namespace lmspt::cuda
