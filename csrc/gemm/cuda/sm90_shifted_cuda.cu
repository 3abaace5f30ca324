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
constexpr double kLeastShare = 0.4;  // of rows, below which it is better to bring them for every tap

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
  constexpr int kNarrowest = 2;  // one position and a reach of one would be a box of more than 256 rows
  for (int kept = 1; kept <= std::max(across, kNarrowest) && kept + reach <= kMostBox; ++kept) {
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

// How much of what is multiplied is stored.
double kept_share(const Product& p, const Sm90Tiling& tiling, int rows) {
  return static_cast<double>(p.rows) / (static_cast<double>(tiling.down.value()) * rows);
}

bool suits(Precision precision, const Sm90Product& product, const Shifts& shifts) {
  const Product& p = product.p;
  if (precision != Precision::bf16 || !is_image(p.a) || p.groups > 1 || p.b.item > 0) return false;
  if (p.columns > Sm90ShiftedTile<2>::kColumns || product.walk.h_step > 1) return false;
  // Images of one row are sequences, of which these taps are summed in another order.
  if (shifts.rests > 1 && product.walk.h.taps == 1) return false;
  return product.walk.w.taps >= kLeastTaps * shifts.rests && shifts.reach <= kMostShift;
}

}  // namespace

bool run_sm90_shifted(const KernelContext& context, Precision precision, const Sm90Product& product) {
  const Product& p = product.p;
  const Shifts shifts = shifts_of(product.walk.w);
  if (!suits(precision, product, shifts) || is_switched_off("LMSPT_CUDA_SHIFTS")) return false;
  constexpr int kFew = Sm90ShiftedTile<2>::kRows, kMany = Sm90ShiftedTile<4>::kRows;
  const Sm90Tiling few = tiling_of(p, kFew, shifts.reach), many = tiling_of(p, kMany, shifts.reach);
  if (shifts.rests == 1 && kept_share(p, few, kFew) < kLeastShare) return false;
  const auto time = [&](const Sm90Tiling& tiling, int rows) {
    return time_of_rounds(p.items * tiling.down.value(), most_resident_blocks(context), rows);
  };
  Sm90Shifted q{product, shifts.rests, shifts.step};
  if (time(many, kMany) <= time(few, kFew)) {
    q.product.tiling = many;
    launch_shifted<Sm90ShiftedTile<4>>(context, q);
  } else {
    q.product.tiling = few;
    launch_shifted<Sm90ShiftedTile<2>>(context, q);
  }
  return true;
}

}  // namespace lmspt::cuda
