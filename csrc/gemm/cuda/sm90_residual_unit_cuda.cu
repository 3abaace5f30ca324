// Residual units of compute capability 9.0 that are one kernel.
#include <algorithm>

#include "device/setting.h"
#include "gemm/cuda/product_units.h"
#include "gemm/cuda/sm90_product.h"
#include "gemm/cuda/sm90_residual_unit_kernel.h"

namespace lmspt::cuda {

namespace {

constexpr int64_t kMostUnitChannels = 192;
constexpr int kMostColumnsOfTwoSets = 128;  // beyond which they have not enough registers

// The sets of rows of the tiles that take the least time, where all multiprocessors take one after the other.
int choose_sets(const KernelContext& context, const Product& p) {
  const auto time = [&](int sets) {
    const int rows = sets * kSetRows;
    return time_of_rounds(p.items * TileOfItem::count_of_item(p, rows), most_resident_blocks(context), rows);
  };
  return time(2) <= time(1) ? 2 : 1;
}

template <class Tile>
void launch_unit(const KernelContext& context, Sm90Unit& q) {
  const int64_t of_item = TileOfItem::count_of_item(q.p, Tile::kRows);
  q.tiles_of_item = Divisor(of_item);
  q.tiles = static_cast<int>(q.p.items * of_item);
  launch(context, sm90_unit_kernel<Tile>, {resident_blocks(context, q.tiles), kUnitThreads, Tile::kSharedBytes}, q);
}

CUtensorMap map_rows(const Product& p, int box_rows) {
  const int64_t pitch = p.a.w.pitch;
  return tensor_map({p.a.x.data,
                     true,
                     {p.a.channels, 1, p.items * p.a.w.in, 1, 1},
                     {pitch, pitch, pitch, pitch},
                     {64, 1, box_rows, 1, 1}});
}

CUtensorMap map_first_weights(const ColumnsOfB& b, int64_t channels, int64_t taps, int box_columns) {
  return tensor_map({b.data,
                     true,
                     {channels, taps, channels, 1, 1},
                     {channels, channels * taps, channels, channels},
                     {64, 1, box_columns, 1, 1}});
}

// Column 16 i + 4 place + 2 half + e comes as number 16 i + 8 half + 2 place + e: so a thread, which gets the columns
// 8 j + 2 place + e of products, has four neighbours.
CUtensorMap map_second_weights(const ColumnsOfB& b, int64_t channels, int box_columns) {
  return tensor_map({b.data,
                     true,
                     {channels, 2, 4, 2, channels / 16},
                     {channels, 4 * channels, 2 * channels, 16 * channels},
                     {64, 2, 4, 2, box_columns / 16}});
}

// In tiles of the first of these columns that are at least as many as the product has.
template <int kColumns, int... kMore>
void launch_columns(const KernelContext& context, const ProductPair& pair, Sm90Unit& q) {
  if constexpr (sizeof...(kMore) > 0) {
    if (q.p.columns > kColumns) return launch_columns<kMore...>(context, pair, q);
  }
  const int64_t channels = q.p.a.channels;
  constexpr int kPartColumns = Sm90UnitTile<kColumns, 1>::kPartColumns;
  q.first = map_first_weights(pair.first.b, channels, q.taps, kPartColumns);
  q.second = map_second_weights(pair.second.b, channels, kPartColumns);
  if constexpr (kColumns <= kMostColumnsOfTwoSets) {
    if (choose_sets(context, q.p) == 2) return launch_unit<Sm90UnitTile<kColumns, 2>>(context, q);
  }
  launch_unit<Sm90UnitTile<kColumns, 1>>(context, q);
}

}  // namespace

bool is_sm90_unit(const KernelContext& context, Precision precision, const SquareTaps& convolution) {
  const auto [channels, taps, dilation] = convolution;
  return precision == Precision::bf16 && are_rows(context, precision, channels) && channels <= kMostUnitChannels &&
         channels % 16 == 0 && (channels > kUnitKeptColumns || taps <= kUnitKeptTaps) &&
         (taps - 1) * dilation <= kUnitReach && !is_switched_off("LMSPT_CUDA_UNITS");
}

bool run_sm90_unit(const KernelContext& context, Precision precision, const Product& first, const Product& second) {
  const RowsOfA& a = first.a;
  const Taps taps = taps_along_w(a);
  const Numbers& activated = second.c.activated ? second.c.activated : second.c.c;
  if (!a.x.halves || !writes_fours(second) || (second.c.alpha && !activated.halves)) return false;
  if (!is_sm90_unit(context, precision, {a.channels, taps.count, taps.dilation})) return false;
  Sm90Unit q;
  q.p = first;
  q.p.c = second.c;
  q.p = with_items(q.p);
  q.alpha = a.alpha, q.bias = first.c.bias, q.inner_alpha = second.a.alpha;
  q.taps = static_cast<int>(taps.count), q.dilation = static_cast<int>(taps.dilation);
  q.reach = std::max(8, up((taps.count - 1) * taps.dilation, 8) * 8);
  q.x[0] = map_rows(q.p, kSetRows), q.x[1] = map_rows(q.p, q.reach);
  const ProductPair pair{first, second};
  launch_columns<32, 48, 64, 96, 128, 192>(context, pair, q);
  return true;
}

}  // namespace lmspt::cuda
