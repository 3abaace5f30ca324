// Chooses what a product is computed by: nothing here changes the order of its sums.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "device/cuda/tuner.h"
#include "device/error.h"
#include "gemm/cuda/product_units.h"
#include "gemm/cuda/sm90_product.h"
#include "gemm/cuda/tile_setting.h"

namespace lmspt::cuda {

namespace {

constexpr int64_t kManyTiles = 2 * 132;  // for every multiprocessor of a large GPU two
constexpr int64_t kFewWords = 64;        // of a position, of which a block in part empty wastes more than shifts gain

bool is_aligned(const void* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; }

bool are_fours(std::initializer_list<int64_t> numbers) {
  int64_t all = 0;
  for (int64_t number : numbers) all |= number;
  return all % 4 == 0;
}

TileSize usual_size(const Product& p) {
  if (p.columns <= 32) return TileSize::narrow;
  const int64_t down = p.items * p.groups * ((p.rows + 127) / 128);
  if (p.columns > 64 && down * ((p.columns + 127) / 128) >= kManyTiles) return TileSize::large;
  return down * ((p.columns + 63) / 64) >= kManyTiles ? TileSize::tall : TileSize::small;
}

bool reads_fours(const Product& p) {
  return are_in_fours(p.a.x) && is_aligned(p.a.alpha) &&
         are_fours({p.a.channels, p.a.item, p.a.outer, p.a.group, p.a.h.pitch, p.a.w.pitch});
}

// Tiles that are not much too wide, the usual one first.
std::vector<int> sizes_for(const Product& p) {
  std::vector<int> sizes = {static_cast<int>(usual_size(p))};
  const auto add = [&](TileSize size) {
    if (static_cast<int>(size) != sizes.front()) sizes.push_back(static_cast<int>(size));
  };
  if (p.columns > 64) add(TileSize::large);
  if (p.columns > 32) add(TileSize::tall);
  add(TileSize::small);
  if (p.columns <= 64) add(TileSize::narrow);
  return sizes;
}

[[noreturn]] void fail_for_positions() {
  throw Error(ErrorCode::unsupported,
              "Expected sequences and matrices whose rows, padding and taps included, count below 2^30 on cuda, got "
              "larger ones; use shorter inputs or the device \"cpu\"");
}

// Coordinates of all taps of all positions are computed in 32 bits.
void check_reach(const Axis& axis, int64_t positions, int64_t taps) {
  const int64_t reach = positions * axis.stride + taps * axis.dilation;
  if (reach + std::abs(int64_t{axis.origin}) + axis.in >= 2 * kBeyondAll) fail_for_positions();
}

void multiply(const KernelContext& context, Precision precision, const Product& p, const ProductChoice& choice) {
  switch (precision) {
    case Precision::tf32: return multiply_tf32(context, p, choice);
    case Precision::bf16: return multiply_bf16(context, p, choice);
    case Precision::bf16x3: return multiply_bf16x3(context, p, choice);
    default: return multiply_float32(context, p, choice);
  }
}

TileSize choose_size(const KernelContext& context, Precision precision, const Product& p, ProductChoice choice) {
  auto* tuner = static_cast<Tuner*>(context.tuner);
  if (!tuner) return usual_size(p);
  return static_cast<TileSize>(tuner->choose(
      context, describe_product(ProductEngine::all, precision, p, choice.vectors), sizes_for(p), [&](int size) {
        choice.size = static_cast<TileSize>(size);
        multiply(context, precision, p, choice);
      }));
}

}  // namespace

TuningKey describe_product(ProductEngine engine, Precision precision, const Product& p, bool vectors) {
  return {static_cast<int64_t>(precision) + static_cast<int64_t>(engine) * kBeyondAll,
          p.ragged.ends ? -p.ragged.count : p.items,
          p.groups,
          p.rows,
          p.columns,
          p.a.words,
          p.a.shifts,
          p.a.shift_step,
          p.a.channels,
          p.a.taps_w.value() + p.a.positions_w.value() * kBeyondAll,
          p.a.h.stride * kBeyondAll + p.a.w.stride,
          p.a.h.dilation * kBeyondAll + p.a.w.dilation,
          p.c.span.value(),
          vectors,
          p.a.x.halves + 2 * p.c.c.halves,
          (p.a.alpha != nullptr) + 2 * (p.c.residual.data != nullptr) + 4 * p.c.gelu +
              8 * (p.c.before_gelu.data != nullptr) + 16 * (p.c.gelu_input.data != nullptr) +
              32 * (p.c.alpha != nullptr) + 64 * (p.c.activated.data != nullptr) + 128 * (p.c.slope != 1) +
              256 * (p.c.signs.data != nullptr) + 512 * (p.b.item > 0) + 1024 * (p.ragged.gap > 0)};
}

bool writes_fours(const Product& p) {
  return are_in_fours(p.c.c) && are_in_fours(p.c.residual) && are_in_fours(p.c.before_gelu) &&
         are_in_fours(p.c.gelu_input) && are_in_fours(p.c.signs) && are_in_fours(p.c.activated) &&
         is_aligned(p.c.alpha) &&
         are_fours(
             {p.columns, p.c.item, p.c.outer, p.c.group, p.c.h, p.c.w, p.c.origin, p.c.span.value(), p.c.span_step});
}

bool is_image(const RowsOfA& a) {
  return a.h.in != 1 || a.h.origin != 0 || taps_along_h(a) != 1 || a.positions.value() != a.positions_w.value();
}

// The batch of a product without taps is one item.
Product with_items(Product p) {
  const int64_t rows = std::min<int64_t>(p.rows, p.a.positions.value());
  p.items *= p.rows / rows;
  p.a.item += p.a.outer, p.c.item += p.c.outer;  // either is zero
  p.rows = rows;
  const RowsOfA& a = p.a;
  if (!is_image(a)) p.a.positions_w = Divisor(kBeyondAll);
  p.a.positions = Divisor(kBeyondAll);
  if (is_image(a)) return p;
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

int tile_setting() {
  const char* setting = std::getenv("LMSPT_CUDA_TILE");
  constexpr const char* kNames[] = {"large", "tall", "small", "narrow"};
  for (int i = 0; setting && i < 4; ++i) {
    if (std::strcmp(setting, kNames[i]) == 0) return i;
  }
  return -1;
}

Axis Axis::of(int64_t in, int64_t stride, int64_t dilation, int64_t origin, int64_t pitch) {
  for (int64_t number : {in, stride, dilation, std::abs(origin)}) {
    if (number >= kBeyondAll) fail_for_positions();
  }
  return {static_cast<int>(in), static_cast<int>(stride), static_cast<int>(dilation), static_cast<int>(origin), pitch};
}

void check_positions(const Product& p) {
  if (p.rows >= kBeyondAll || p.columns >= kBeyondAll || p.a.words >= kBeyondAll) fail_for_positions();
  const int64_t across = p.a.positions_w.value(), taps = p.a.taps_w.value();
  check_reach(p.a.w, std::min(across, p.rows + kMostReach), taps);
  check_reach(p.a.h, p.a.positions.value() / across, p.a.words / p.a.tap_words.value() / taps);
}

void set_taps(RowsOfA& a, Precision precision, const Taps& taps) {
  const int64_t words = words_of(precision, a.channels), position = taps.stride * words;
  const int64_t shifts = taps.stride == 1 ? taps.count : taps.count / taps.stride;
  const bool whole = taps.stride == 1 || (taps.dilation == 1 && taps.count % taps.stride == 0);
  const bool shifted = whole && shifts > 1 && (shifts - 1) * taps.dilation <= kMostReach &&
                       (position % kBlockWords == 0 || position >= kFewWords);
  if (taps.count * words >= kBeyondAll) fail_for_positions();
  a.shifts = shifted ? static_cast<int>(shifts) : 1;
  a.shift_step = static_cast<int>(taps.dilation);
  a.words = static_cast<int>(shifted ? position : taps.count * words);
  a.tap_words = Divisor(words);
  a.taps_w = Divisor(shifted ? taps.stride : taps.count);
}

void run_product(const KernelContext& context, Precision precision, const Product& p) {
  if (p.items * p.groups * p.rows * p.columns == 0) return;
  check_positions(p);
  if (p.b.rows && p.a.words > 0) return run_sm90_product(context, precision, p);
  if (is_thin(precision, p)) return multiply_thin(context, p, writes_fours(p));
  if (precision == Precision::fp32 && p.c.c.halves) fail_for_positions();  // too many for the kernel that was asked for
  ProductChoice choice{TileSize::small, reads_fours(p), writes_fours(p)};
  if (choice.fours) choice.size = choose_size(context, precision, p, choice);
  multiply(context, precision, p, choice);
}

bool run_residual_unit(const KernelContext& context, Precision precision, const Product& first, const Product& second) {
  const int64_t most = precision == Precision::bf16x3 ? 64 : 192;
  if (first.groups != 1) return false;
  if (first.items * first.rows * first.columns == 0) return true;
  check_positions(first);
  if (first.b.rows) return run_sm90_unit(context, precision, first, second);
  if (first.columns > most || !reads_fours(first)) return false;
  const ProductPair pair{first, second};
  const bool vectors = writes_fours(second);
  switch (precision) {
    case Precision::tf32: join_tf32(context, pair, vectors); break;
    case Precision::bf16: join_bf16(context, pair, vectors); break;
    case Precision::bf16x3: join_bf16x3(context, pair, vectors); break;
    default: join_float32(context, pair, vectors);
  }
  return true;
}

}  // namespace lmspt::cuda
