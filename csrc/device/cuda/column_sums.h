// Sums over all rows, one for each column: gradients of what every row shares. Rows are cut into pieces whose sums are
// added in order; how they are cut follows from the number of rows alone.
// A term has kSums, the number of sums of a column, and
//   begin(column): what a thread keeps for its column
//   read(row, column): the numbers that it takes from memory
//   add(state, row, column, numbers, sums): adds the row's share to sums[kSums]
#pragma once

#include "device/cuda/groups.h"

namespace lmspt::cuda {

constexpr int64_t kLeastPiece = 256;  // rows
constexpr int64_t kMostPieces = 512;
constexpr int kRowLanes = kThreads / kWarp;  // rows that a block reads at once, kWarp columns of each
constexpr int kRowsAhead = 8;                // that a thread reads before it adds the first
constexpr int kColumnBlocks = 2;             // that a multiprocessor holds with what they read ahead

struct ColumnPieces {
  int64_t rows, columns, piece;

  __host__ __device__ int64_t tiles() const { return (columns + kWarp - 1) / kWarp; }
  __host__ __device__ int64_t pieces() const { return (rows + piece - 1) / piece; }
};

inline ColumnPieces cut_columns(int64_t rows, int64_t columns) {
  return {rows, columns, std::max(kLeastPiece, (rows + kMostPieces - 1) / kMostPieces)};
}

// The sum over the block's row lanes of every column's values, in the threads of the first lane.
__device__ inline double sum_lanes(double value) {
  __shared__ double values[kRowLanes][kWarp];
  const int lane = threadIdx.x / kWarp, place = threadIdx.x % kWarp;
  values[lane][place] = value;
  __syncthreads();
  double total = 0;
  if (lane == 0) {
    for (int other = 0; other < kRowLanes; ++other) total += values[other][place];
  }
  __syncthreads();  // before the next call writes what this one still reads
  return total;
}

// Adds kRowsAhead rows of the thread's lane, `row` the first, as far as there are so many. They are read without
// branches, so that no read waits for another.
template <class Term, class State>
__device__ void add_rows(const Term& term, const State& state, int64_t row, int64_t end, int64_t column, float* sums) {
  decltype(term.read(row, column)) numbers[kRowsAhead];
#pragma unroll
  for (int n = 0; n < kRowsAhead; ++n) {
    const int64_t next = row + n * kRowLanes;
    numbers[n] = term.read(next < end ? next : row, column);
  }
#pragma unroll
  for (int n = 0; n < kRowsAhead; ++n) {
    const int64_t next = row + n * kRowLanes;
    if (next < end) term.add(state, next, column, numbers[n], sums);
  }
}

// partial (kSums, pieces, columns)
template <class Term>
__global__ void __launch_bounds__(kThreads, kColumnBlocks)
    column_pieces_kernel(Term term, ColumnPieces size, double* partial) {
  const int lane = threadIdx.x / kWarp;
  for (int64_t unit = blockIdx.x; unit < size.tiles() * size.pieces(); unit += gridDim.x) {
    const int64_t column = unit % size.tiles() * kWarp + threadIdx.x % kWarp, piece = unit / size.tiles();
    const int64_t end = (piece + 1) * size.piece < size.rows ? (piece + 1) * size.piece : size.rows;
    double totals[Term::kSums] = {};
    if (column < size.columns) {
      const auto state = term.begin(column);
      for (int64_t row = piece * size.piece + lane; row < end;) {
        float run[Term::kSums] = {};
        for (int n = 0; n < kFloatRun && row < end; n += kRowsAhead, row += kRowsAhead * kRowLanes) {
          add_rows(term, state, row, end, column, run);
        }
        for (int sum = 0; sum < Term::kSums; ++sum) totals[sum] += run[sum];
      }
    }
    for (int sum = 0; sum < Term::kSums; ++sum) {
      const double total = sum_lanes(totals[sum]);
      if (lane == 0 && column < size.columns) partial[(sum * size.pieces() + piece) * size.columns + column] = total;
    }
  }
}

// out (columns) from the pieces of one sum
static __global__ void column_totals_kernel(ColumnPieces size, const double* partial, float* out) {
  const int lane = threadIdx.x / kWarp;
  for (int64_t tile = blockIdx.x; tile < size.tiles(); tile += gridDim.x) {
    const int64_t column = tile * kWarp + threadIdx.x % kWarp;
    double total = 0;
    if (column < size.columns) {
      for (int64_t piece = lane; piece < size.pieces(); piece += kRowLanes) {
        total += partial[piece * size.columns + column];
      }
    }
    total = sum_lanes(total);
    if (lane == 0 && column < size.columns) out[column] = static_cast<float>(total);
  }
}

// outs[kSums], each (columns)
template <class Term>
void sum_columns(const KernelContext& context, const Term& term, int64_t rows, int64_t columns, float* const* outs) {
  const ColumnPieces size = cut_columns(rows, columns);
  const int64_t results = size.pieces() * columns;
  const Scratch scratch(context, Term::kSums * results * sizeof(double));
  double* partial = static_cast<double*>(scratch.data());
  launch_blocks(context, column_pieces_kernel<Term>, size.tiles() * size.pieces(), kThreads, term, size, partial);
  for (int sum = 0; sum < Term::kSums; ++sum) {
    launch_blocks(context, column_totals_kernel, size.tiles(), kThreads, size, partial + sum * results, outs[sum]);
  }
}

}  // namespace lmspt::cuda
