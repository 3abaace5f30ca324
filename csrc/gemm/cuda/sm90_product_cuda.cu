// Products for the engine of compute capability 9.0: their operands, their tiles, and which kernel takes them.
#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "device/cuda/instructions_sm90.h"
#include "device/cuda/launch.h"
#include "device/cuda/tuner.h"
#include "device/setting.h"
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
constexpr double kWorthTrying = 1.3;  // times the least time that is calculated

// What a multiprocessor of an H200 does in a nanosecond.
constexpr double kMultiplyAdds = 3000, kCacheBytes = 100, kCacheBytesOfAll = 6000;
constexpr double kMemoryBytesOfAll = 3500;
constexpr double kNanosecondsToStore = 4, kNanosecondsOfTile = 500;     // a column of a tile, a tile
constexpr double kNanosecondsToClear = 150, kNanosecondsOfPass = 2000;  // a block of K, the pass that makes gaps

// ---- choice ----

// Pairs halve the copies of columns. They pay where there are tiles for all.
bool choose_pairs(const KernelContext& context, const Product& p, int down_of_item, int columns) {
  if (p.b.item > 0) return false;
  const int64_t down = p.items * down_of_item;
  return down > 1 && down * p.groups * ((p.columns + columns - 1) / columns) >= gpu_of(context).multiprocessors;
}

// By the rounds of tiles over all multiprocessors: products, or what they wait for.
double time_of(const KernelContext& context, const Sm90Product& q, int terms, int down_of_item, int columns) {
  const int64_t tiles = q.p.items * q.p.groups * down_of_item * up(q.p.columns, columns);
  const int64_t at_once = gpu_of(context).multiprocessors;
  const int halves = choose_pairs(context, q.p, down_of_item, columns) ? 2 : 1;
  const double busy = static_cast<double>(std::min(tiles, at_once));
  const double cache = (kSm90Rows + columns / halves) * kSwizzleBytes / std::min(kCacheBytes, kCacheBytesOfAll / busy);
  const double products = kSm90Rows * 64.0 * columns / kMultiplyAdds;
  const int blocks = q.walk.channel_blocks * q.walk.h.taps * q.walk.w.taps * terms;
  return up(tiles, at_once) * (blocks * std::max(cache, products) + columns * kNanosecondsToStore + kNanosecondsOfTile);
}

// The tiles that may take the least time, those first of which it is calculated.
std::vector<int> tiles_for(const KernelContext& context, const Sm90Product& q, int terms, int down_of_item) {
  std::vector<std::pair<double, int>> all;
  for (int tile = 0; tile < static_cast<int>(std::size(kTileColumns)); ++tile) {
    all.emplace_back(time_of(context, q, terms, down_of_item, kTileColumns[tile]), tile);
  }
  std::sort(all.begin(), all.end());
  std::vector<int> tiles;
  for (const auto& [time, tile] : all) {
    if (time <= kWorthTrying * all.front().first) tiles.push_back(tile);
  }
  return tiles;
}

void multiply(const KernelContext& context, Precision precision, Sm90Product& q, const Sm90Choice& choice) {
  switch (precision) {
    case Precision::tf32: return multiply_sm90_tf32(context, q, choice);
    case Precision::bf16x3: return multiply_sm90_bf16x3(context, q, choice);
    default: return multiply_sm90_bf16(context, q, choice);
  }
}

// Whether tiles at the ends of items clear what lies beyond, instead of a pass that puts zeros around items: by what
// either takes. Both give the same bits. LMSPT_CUDA_GAPS=0 clears wherever a kernel can.
bool has_no_gaps(const KernelContext& context, Precision precision, const Product& p) {
  if (precision != Precision::bf16 || !p.a.x.halves || p.a.alpha) return false;
  if (is_switched_off("LMSPT_CUDA_GAPS")) return true;
  const double bytes = 4.0 * p.ragged.frames * p.ragged.in * p.a.w.pitch;
  const int64_t tiles = int64_t{2} * p.ragged.count * p.groups * up(p.columns, kTileColumns[2]);
  const int64_t blocks = up(p.a.tap_words.value(), 32) * taps_along_w(p.a).count;
  return blocks * up(tiles, gpu_of(context).multiprocessors) * kNanosecondsToClear <
         bytes / kMemoryBytesOfAll + kNanosecondsOfPass;
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
  q.clears = q.p.ragged.ends && q.p.ragged.gap == 0;
  q.walk = walk_of(precision, q.p);
  if (run_sm90_shifted(context, precision, q)) return;
  choose_box(q.p, q.walk.h_step > 1 ? 1 : kSm90Rows, q.tiling);
  const int down = q.tiling.down.value();
  map_a(q, halves, planes);
  const auto run = [&](int tile) {
    const int columns = kTileColumns[tile];
    const Sm90Choice choice{columns, choose_pairs(context, q.p, down, columns)};
    map_b(q, halves, planes, choice.pairs ? columns / 2 : columns);
    multiply(context, precision, q, choice);
  };
  const std::vector<int> tiles = tiles_for(context, q, planes == 2 ? 3 : 1, down);
  auto* tuner = static_cast<Tuner*>(context.tuner);
  run(tuner ? tuner->choose(context, describe_product(ProductEngine::sm90, precision, q.p, q.vectors), tiles, run)
            : tiles.front());
}

void run_sm90_items(const KernelContext& context, Precision precision, const Product& product) {
  Product ready = product;
  RowsOfA& a = ready.a;
  const bool in_place = has_no_gaps(context, precision, product);
  ready.ragged.gap = in_place ? 0 : gap_of(product);
  const int64_t rows = ready.ragged.rows_with_gaps();
  a.w = Axis::of(rows, a.w.stride, a.w.dilation, a.w.origin, a.w.pitch);
  a.item = rows * a.w.pitch;
  const Scratch scratch(context, in_place ? 0 : bytes_of_operands(precision, a.item));
  if (!in_place) {
    make_ragged_operands(context, precision, product.a, ready.ragged, scratch.data());
    a.x.data = scratch.data();
  }
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
