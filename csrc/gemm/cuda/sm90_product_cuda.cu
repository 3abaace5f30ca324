// Products for the engine of compute capability 9.0: their operands, their tiles, and which kernel takes them.
#include <algorithm>

#include "device/cuda/launch.h"
#include "device/cuda/tuner.h"
#include "gemm/cuda/product_units.h"
#include "gemm/cuda/sm90_geometry.h"
#include "gemm/cuda/sm90_operands.h"
#include "gemm/cuda/sm90_product.h"
#include "gemm/cuda/sm90_shifted.h"
#include "gemm/cuda/sm90_units.h"

namespace lmspt::cuda {

namespace {

constexpr int64_t kLeastChannels = 32;  // of which a block of K is half empty
constexpr int kTileColumns[] = {256, 192, 128, 64};
constexpr int kColumnsOfOverhead = 32;  // what a tile costs besides its columns

// ---- choice ----

// The tiles that take the least time, where all multiprocessors take one after the other.
int choose_columns(const KernelContext& context, const Product& p, int down_of_item) {
  const auto* tuner = static_cast<const Tuner*>(context.tuner);
  if (tuner && tuner->fixed() >= 0) return kTileColumns[tuner->fixed()];
  const int64_t down = p.items * p.groups * down_of_item;
  const int64_t at_once = gpu_of(context).multiprocessors;
  int best = 0;
  int64_t least = 0;
  for (int columns : kTileColumns) {
    const int64_t tiles = down * ((p.columns + columns - 1) / columns);
    const int64_t time = (tiles + at_once - 1) / at_once * (columns + kColumnsOfOverhead);
    if (best == 0 || time < least) best = columns, least = time;
  }
  return best;
}

// Pairs halve the copies of columns. They pay where there are tiles for all.
bool choose_pairs(const KernelContext& context, const Product& p, int down_of_item, int columns) {
  if (p.b.item > 0) return false;
  const int64_t down = p.items * down_of_item;
  return down > 1 && down * p.groups * ((p.columns + columns - 1) / columns) >= gpu_of(context).multiprocessors;
}

}  // namespace

bool has_sm90_engine(const KernelContext& context, Precision precision) {
  const bool reduced = precision == Precision::bf16 || precision == Precision::bf16x3 || precision == Precision::tf32;
  return gpu_of(context).wgmma && reduced;
}

bool are_rows(const KernelContext& context, Precision precision, int64_t channels) {
  return has_sm90_engine(context, precision) && channels >= kLeastChannels &&
         channels % (kMapBytes / 4 * floats_of_word(precision)) == 0;
}

void run_sm90_operands(const KernelContext& context, Precision precision, const Product& product) {
  const bool halves = floats_of_word(precision) == 2;
  const int planes = precision == Precision::bf16x3 ? 2 : 1;
  Sm90Product q;
  q.p = with_items(product);
  q.vectors = writes_fours(q.p);
  q.walk = walk_of(precision, q.p);
  if (takes_shifted(precision, q)) return run_sm90_shifted(context, q);
  choose_box(q.p, q.walk.h_step > 1 ? 1 : kSm90Rows, q.tiling);
  const int columns = choose_columns(context, q.p, q.tiling.down.value());
  const Sm90Choice choice{columns, choose_pairs(context, q.p, q.tiling.down.value(), columns)};
  map_a(q, halves, planes);
  map_b(q, halves, planes, choice.pairs ? columns / 2 : columns);
  switch (precision) {
    case Precision::tf32: return multiply_sm90_tf32(context, q, choice);
    case Precision::bf16x3: return multiply_sm90_bf16x3(context, q, choice);
    default: return multiply_sm90_bf16(context, q, choice);
  }
}

void run_sm90_items(const KernelContext& context, Precision precision, const Product& product) {
  Product ready = product;
  RowsOfA& a = ready.a;
  ready.ragged.gap = gap_of(product);
  const int64_t rows = ready.ragged.rows_with_gaps();
  a.w = Axis::of(rows, a.w.stride, a.w.dilation, a.w.origin, a.w.pitch);
  a.item = rows * a.w.pitch;
  const Scratch scratch(context, bytes_of_operands(precision, a.item));
  make_ragged_operands(context, precision, product.a, ready.ragged, scratch.data());
  a.x.data = scratch.data();
  run_sm90_operands(context, precision, ready);
}

void run_sm90_product(const KernelContext& context, Precision precision, const Product& product) {
  if (product.ragged.ends) return run_sm90_items(context, precision, product);
  const RowsOfA& a = product.a;
  const int64_t items = product.items * std::max<int64_t>(1, product.rows / a.positions.value());
  const int64_t count = items * a.h.in * a.w.in * a.w.pitch;
  if (precision == Precision::bf16 && a.x.halves && !a.alpha && count > 0) {
    return run_sm90_operands(context, precision, product);
  }
  const Scratch scratch(context, bytes_of_operands(precision, std::max<int64_t>(count, kMapBytes)));
  make_operands(context, precision, a.x, a.alpha, a.w.pitch, count, count, scratch.data());
  Product ready = product;
  ready.a.x.data = scratch.data();
  run_sm90_operands(context, precision, ready);
}

}  // namespace lmspt::cuda
