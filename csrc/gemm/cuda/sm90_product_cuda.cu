// Products for the engine of compute capability 9.0: their geometry as tensor maps, their operands, their tiles.
// Nothing here changes the order of sums.
#include <algorithm>

#include "device/cuda/launch.h"
#include "device/cuda/tuner.h"
#include "gemm/cuda/product_units.h"
#include "gemm/cuda/sm90_operands.h"
#include "gemm/cuda/sm90_product.h"
#include "gemm/cuda/sm90_units.h"

namespace lmspt::cuda {

namespace {

constexpr int64_t kLeastChannels = 32;  // of which a block of K is half empty
constexpr int kTileColumns[] = {256, 192, 128, 64};
constexpr int kColumnsOfOverhead = 32;  // what a tile costs besides its columns
constexpr int kMapBytes = 16;           // addresses and steps of maps are multiples of

// ---- geometry ----

// The boxes of which an item takes fewest, of 121 to 128 positions: products read whole swizzle blocks of eight, and
// nothing that no copy brought.
void choose_box(const Product& p, int most_height, Sm90Tiling& tiling) {
  const int across = static_cast<int>(std::min<int64_t>(p.rows, p.a.positions_w.value()));
  const int height = up(p.rows, across);
  int best = kSm90Rows;
  const auto height_of = [&](int width) { return std::min(kSm90Rows / width, most_height); };
  const auto boxes = [&](int width) { return int64_t{up(across, width)} * up(height, height_of(width)); };
  for (int width = kSm90Rows - 1; width > 0 && height > 1; --width) {
    const bool fills = width * height_of(width) > kSm90Rows - 8;
    if (fills && boxes(width) < boxes(best)) best = width;
  }
  tiling.width = Divisor(best);
  tiling.height = height == 1 ? 1 : height_of(best);
  tiling.width_of_item = across;
  tiling.down = Divisor(p.ragged.ends ? p.ragged.slots(kSm90Rows) : boxes(best));
  tiling.boxes_across = p.ragged.ends ? tiling.down : Divisor(up(across, best));
}

Sm90Walk walk_of(Precision precision, const Product& p) {
  const RowsOfA& a = p.a;
  Sm90Walk walk;
  walk.channel_blocks = (a.tap_words.value() + 31) / 32;  // words of 128 bytes
  const bool both = a.w.stride > 1 && a.h.stride > 1;
  walk.h = Sm90Axis::of(a.h, taps_along_h(a), a.h.dilation, both ? 1 : a.h.stride);
  walk.h_step = both ? a.h.stride : 1;
  const Taps along_w = taps_along_w(a);
  walk.w = Sm90Axis::of(a.w, along_w.count, along_w.dilation, a.w.stride);
  walk.taps_w = Divisor(walk.w.taps);
  const Axis& strided = a.w.stride > 1 ? a.w : a.h;
  walk.longer = strided.in % strided.stride == 0 ? strided.stride : strided.in % strided.stride;
  walk.items_of_plane = precision == Precision::bf16x3 ? static_cast<int>(p.items) : 0;
  walk.b_item = p.b.item > 0, walk.b_group = p.groups > 1;
  return walk;
}

// Rows of x: (channels, rest, w, h or group, item).
void map_a(Sm90Product& q, bool halves, int planes) {
  const RowsOfA& a = q.p.a;
  const int stride_h = q.walk.h.stride.value(), stride_w = q.walk.w.stride.value();
  for (int i = 0; i < 2; ++i) {
    const auto rows = [&](const Axis& axis, int stride) {
      return up(axis.in, stride) - (i == 1 && stride > 1 && q.walk.longer < stride);
    };
    const int64_t along_w = rows(a.w, stride_w), along_h = is_image(a) ? rows(a.h, stride_h) : q.p.groups;
    q.walk.none[i] = along_w == 0 || along_h == 0;
    q.a[i] = tensor_map({a.x.data,
                         halves,
                         {a.channels, int64_t{stride_h} * stride_w, std::max<int64_t>(along_w, 1),
                          std::max<int64_t>(along_h, 1), q.p.items * planes},
                         {stride_h > 1 ? a.h.pitch : a.w.pitch, stride_w * a.w.pitch,
                          is_image(a) ? stride_h * a.h.pitch : a.channels, std::max(a.item, a.w.pitch)},
                         {halves ? 64 : 32, 1, q.tiling.width.value(), q.tiling.height, 1}});
  }
}

// Packed weights: (channels, taps, columns, item or group).
void map_b(Sm90Product& q, bool halves, int planes, int box_columns) {
  const ColumnsOfB& b = q.p.b;
  const int64_t floats = halves ? 2 : 1, channels = q.p.a.tap_words.value() * floats;
  const int64_t taps = int64_t{q.walk.h.taps} * q.walk.w.taps;
  const int64_t count = q.walk.b_item ? q.p.items : q.p.groups;
  for (int plane = 0; plane < 2; ++plane) {
    const uint32_t* data = b.data + (plane < planes ? plane * b.plane : 0);
    q.b[plane] = tensor_map({data,
                             halves,
                             {channels, taps, q.p.columns, count, 1},
                             {channels, channels * taps, b.group * floats, kMapBytes},
                             {halves ? 64 : 32, 1, box_columns, 1, 1}});
  }
}

// Rows of zeros between items of different lengths, so that no tap reaches from one to another.
int gap_of(const Product& p) {
  const Axis& w = p.a.w;
  const Sm90Axis axis = walk_of(Precision::bf16, p).w;
  const int reach = (p.ragged.extra - 1) * w.stride + w.origin + (axis.taps - 1) * axis.dilation + 1;
  return up(std::max({-w.origin, reach, 1}), w.stride) * w.stride;
}

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
