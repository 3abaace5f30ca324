// Which products have their taps as shifts, and their boxes.
#include <algorithm>
#include <numeric>

#include "device/setting.h"
#include "gemm/cuda/product_units.h"
#include "gemm/cuda/sm90_geometry.h"
#include "gemm/cuda/sm90_shifted.h"
#include "gemm/cuda/sm90_shifted_kernel.h"

namespace lmspt::cuda {

namespace {

constexpr int kMostShift = 16;       // positions from the first tap of a rest to the last
constexpr int kLeastTaps = 2;        // of a rest
constexpr int kRowsOfOverhead = 40;  // what a tile costs besides its rows

struct Shifts {
  int rests, step, reach;
};

Shifts shifts_of(const Sm90Axis& w) {
  const int stride = w.stride.value(), common = std::gcd(stride, w.dilation);
  const int rests = std::min(stride / common, w.taps), step = w.dilation / common;
  return {rests, step, step * (up(w.taps, rests) - 1)};
}

// The boxes of which an item takes fewest. Rows that are multiplied are rows that were brought.
Sm90Tiling tiling_of(const Product& p, int rows, int reach) {
  const int across = static_cast<int>(std::min<int64_t>(p.rows, p.a.positions_w.value()));
  const int height = up(p.rows, across), needed = rows + reach;
  Sm90Tiling best;
  int fewest = 0;
  for (int kept = 1; kept <= std::max(across, 2) && kept + reach <= kMostBox; ++kept) {
    const int width = kept + reach, brought = up(needed, width), kept_height = std::min(needed / width, height);
    if (kept_height == 0 || brought > kMostBox || brought * width > rows + kShiftedMore) continue;
    const int boxes = up(across, kept) * up(height, kept_height);
    if (fewest > 0 && boxes >= fewest) continue;
    fewest = boxes;
    best.width = Divisor(width), best.height = brought;
    best.kept_width = kept, best.kept_height = kept_height;
    best.boxes_across = Divisor(up(across, kept)), best.down = Divisor(boxes);
  }
  best.width_of_item = across;
  return best;
}

template <class Tile>
void launch_shifted(const KernelContext& context, Sm90Shifted& q) {
  Sm90Product& product = q.product;
  map_a(product, true, 1);
  map_b(product, true, 1, Tile::kColumns);
  count_units<Tile>(product.p, product.tiling);
  launch(context, sm90_shifted_kernel<Tile>,
         {resident_blocks(context, product.tiling.units), kSm90Threads, Tile::kSharedBytes}, q);
}

}  // namespace

bool takes_shifted(Precision precision, const Sm90Product& product) {
  const Product& p = product.p;
  if (precision != Precision::bf16 || is_switched_off("LMSPT_CUDA_SHIFTS")) return false;
  if (!is_image(p.a) || p.groups > 1 || p.b.item > 0 || p.columns > Sm90ShiftedTile<2>::kColumns) return false;
  const Shifts shifts = shifts_of(product.walk.w);
  return product.walk.h_step == 1 && product.walk.w.taps >= kLeastTaps * shifts.rests && shifts.reach <= kMostShift;
}

void run_sm90_shifted(const KernelContext& context, Sm90Product& product) {
  const Shifts shifts = shifts_of(product.walk.w);
  const auto tiling = [&](int sets) { return tiling_of(product.p, sets * kSm90Rows, shifts.reach); };
  const auto time = [&](int sets) {
    const int64_t tiles = product.p.items * tiling(sets).down.value();
    return up(tiles, most_resident_blocks(context)) * (sets * kSm90Rows + kRowsOfOverhead);
  };
  const int sets = time(4) <= time(2) ? 4 : 2;
  product.tiling = tiling(sets);
  Sm90Shifted q{product, shifts.rests, shifts.step};
  if (sets == 4) {
    launch_shifted<Sm90ShiftedTile<4>>(context, q);
  } else {
    launch_shifted<Sm90ShiftedTile<2>>(context, q);
  }
}

}  // namespace lmspt::cuda
