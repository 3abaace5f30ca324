// Products for the engine of compute capability 9.0: their geometry as tensor maps, their operands, their tiles.
// Nothing here changes the order of sums.
#include <algorithm>

#include "device/cuda/launch.h"
#include "device/cuda/tuner.h"
#include "gemm/cuda/product_units.h"
#include "gemm/cuda/sm90_product.h"
#include "gemm/cuda/sm90_units.h"

namespace lmspt::cuda {

namespace {

constexpr int64_t kLeastChannels = 128, kLeastColumns = 64;
constexpr int64_t kUnitChannels = 128;  // up to which residual units are one kernel, of panels
constexpr int kTileColumns[] = {256, 192, 128, 64};
constexpr int kColumnsOfOverhead = 32;  // what a tile costs besides its columns
constexpr int kMapBytes = 16;           // addresses and steps of maps are multiples of

// ---- geometry ----

// Items with all their rows. The batch of a product without taps is one item.
Product with_items(Product p) {
  const int64_t rows = std::min<int64_t>(p.rows, p.a.positions.value());
  p.items *= p.rows / rows;
  p.a.item += p.a.outer, p.c.item += p.c.outer;  // either is zero
  p.rows = rows;
  p.a.positions = p.a.positions_w = Divisor(kBeyondAll);
  const RowsOfA& a = p.a;
  const bool plain = a.shifts == 1 && a.words == a.tap_words.value() && a.w.stride == 1 && a.w.origin == 0 &&
                     a.w.in == rows && p.b.item == 0 && p.c.origin == 0 && p.c.limit == rows * p.c.w &&
                     a.item == rows * a.w.pitch && p.c.item == p.c.limit && p.items * rows < kBeyondAll;
  if (plain) {
    p.rows = rows * p.items;
    p.a.w.in = static_cast<int>(p.rows);
    p.a.item = p.rows * a.w.pitch, p.c.item = p.c.limit = p.rows * p.c.w;
    p.items = 1;
  }
  return p;
}

Sm90Walk walk_of(Precision precision, const Product& p) {
  const RowsOfA& a = p.a;
  Sm90Walk walk;
  walk.channel_blocks = (a.tap_words.value() + 31) / 32;  // words of 128 bytes
  walk.taps = a.words / a.tap_words.value() * a.shifts;
  walk.stride = a.w.stride, walk.dilation = a.shifts > 1 ? a.shift_step : a.w.dilation, walk.origin = a.w.origin;
  walk.longer = a.w.in % a.w.stride == 0 ? a.w.stride : a.w.in % a.w.stride;
  walk.items_of_plane = precision == Precision::bf16x3 ? static_cast<int>(p.items) : 0;
  walk.b_item = p.b.item > 0, walk.b_group = p.groups > 1;
  return walk;
}

// Rows of x: (channels, rest, row, item, group).
void map_a(Sm90Product& q, bool halves, int planes) {
  const RowsOfA& a = q.p.a;
  const int stride = a.w.stride;
  for (int i = 0; i < 2; ++i) {
    const int64_t rows = (a.w.in + stride - 1) / stride - (i == 1 && q.walk.longer < stride);
    q.walk.none[i] = rows == 0;
    q.a[i] = tensor_map({a.x.data,
                         halves,
                         {a.channels, stride, std::max<int64_t>(rows, 1), q.p.items * planes, q.p.groups},
                         {a.w.pitch, stride * a.w.pitch, std::max(a.item, a.w.pitch), a.channels},
                         {halves ? 64 : 32, 1, kSm90Rows, 1, 1}});
  }
}

// Packed weights: (channels, taps, columns, item or group).
void map_b(Sm90Product& q, bool halves, int planes, int box_columns) {
  const ColumnsOfB& b = q.p.b;
  const int64_t floats = halves ? 2 : 1, channels = q.p.a.tap_words.value() * floats;
  const int64_t count = q.walk.b_item ? q.p.items : q.p.groups;
  for (int plane = 0; plane < 2; ++plane) {
    const uint32_t* data = b.data + (plane < planes ? plane * b.plane : 0);
    q.b[plane] = tensor_map({data,
                             halves,
                             {channels, q.walk.taps, q.p.columns, count, 1},
                             {channels, channels * q.walk.taps, b.group * floats, kMapBytes},
                             {halves ? 64 : 32, 1, box_columns, 1, 1}});
  }
}

// Rows of zeros between items of different lengths, so that no tap reaches from one to another.
int gap_of(const Product& p) {
  const Sm90Walk walk = walk_of(Precision::bf16, p);
  const int reach = (p.ragged.extra - 1) * walk.stride + walk.origin + (walk.taps - 1) * walk.dilation + 1;
  const int rows = std::max({-walk.origin, reach, 1});
  return (rows + walk.stride - 1) / walk.stride * walk.stride;
}

// ---- choice ----

// The tiles that take the least time, where all multiprocessors take one after the other.
int choose_columns(const KernelContext& context, const Product& p) {
  const auto* tuner = static_cast<const Tuner*>(context.tuner);
  if (tuner && tuner->fixed() >= 0) return kTileColumns[tuner->fixed()];
  const int64_t down = p.items * p.groups * ((p.rows + kSm90Rows - 1) / kSm90Rows);
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
bool choose_pairs(const KernelContext& context, const Product& p, int columns) {
  if (columns == 64 || p.b.item > 0) return false;
  const int64_t down = p.items * ((p.rows + kSm90Rows - 1) / kSm90Rows);
  return down > 1 && down * p.groups * ((p.columns + columns - 1) / columns) >= gpu_of(context).multiprocessors;
}

}  // namespace

bool are_rows(const KernelContext& context, Precision precision, int64_t channels, int64_t columns) {
  const bool reduced = precision == Precision::bf16 || precision == Precision::bf16x3 || precision == Precision::tf32;
  return gpu_of(context).wgmma && reduced && channels >= kLeastChannels &&
         channels % (kMapBytes / 4 * floats_of_word(precision)) == 0 && columns >= kLeastColumns &&
         std::max(channels, columns) > kUnitChannels;
}

void run_sm90_operands(const KernelContext& context, Precision precision, const Product& product) {
  const bool halves = floats_of_word(precision) == 2;
  const int planes = precision == Precision::bf16x3 ? 2 : 1;
  Sm90Product q;
  q.p = with_items(product);
  q.vectors = writes_fours(q.p);
  q.walk = walk_of(precision, q.p);
  const int columns = choose_columns(context, q.p);
  const Sm90Choice choice{columns, choose_pairs(context, q.p, columns)};
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
  const int64_t count = items * a.w.in * a.w.pitch;
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
