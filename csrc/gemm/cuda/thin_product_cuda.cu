// Products in float32 along few words, as of audio with one channel: what takes time is C. A thread keeps the weights
// of four columns and goes down the rows, of samples eight at a time; there are no blocks of K. Sums are those of
// product_kernel to the bit.
#include <algorithm>

#include "device/cuda/launch.h"
#include "gemm/cuda/elements_of_c.h"
#include "gemm/cuda/product_units.h"

namespace lmspt::cuda {

namespace {

constexpr int kMostWords = 8;
constexpr int kFour = 4;            // columns of a thread
constexpr int kBlocksAtOnce = 6;    // of a multiprocessor
constexpr int64_t kMost = 1 << 30;  // rows, and elements from one tap to another

int64_t reach_of(const RowsOfA& a) { return int64_t{a.words} * (a.h.dilation * a.h.pitch + a.w.dilation * a.w.pitch); }

// Whether rows of A are neighbouring samples, and the next row begins with the next one.
bool are_samples(const RowsOfA& a) {
  return a.channels == 1 && a.w.stride == 1 && a.w.dilation == 1 && a.w.pitch == 1 && !is_image(a);
}

// Whether C is bias and sums alone, one row after the other.
bool is_plain(const Product& p) {
  const ElementsOfC& c = p.c;
  return !c.residual && !c.alpha && c.slope == 1 && c.origin == 0 && c.span.value() == p.columns;
}

int64_t rows_of(const Product& p) { return p.items * TileOfItem::count_of_item(p, 1); }

// ---- kernels ----

// Where a tap's word lies from the first one of its row.
struct WordPlace {
  int h, w, offset;
};

__device__ inline WordPlace place_of_word(const RowsOfA& a, int word) {
  const Parts tap = divide(word, a.tap_words), at = divide(tap.quotient, a.taps_w);
  const int h = at.quotient * a.h.dilation, w = at.rest * a.w.dilation;
  return {h, w, static_cast<int>(h * a.h.pitch + w * a.w.pitch) + tap.rest};
}

template <bool kHalves>
__global__ __launch_bounds__(kThreads) void thin_product_kernel(const Product p, int rows, Divisor rows_of_item,
                                                                int across, bool vectors) {
  const RowsOfA& a = p.a;
  const int down = static_cast<int>(blockDim.x) / across, first = static_cast<int>(threadIdx.x) / across;
  const int n = static_cast<int>(threadIdx.x) % across * kFour;
  if (first >= down) return;
  float weights[kMostWords][kFour];
  WordPlace words[kMostWords];
#pragma unroll
  for (int k = 0; k < kMostWords; ++k) {
    if (k >= a.words) break;
    const uint32_t* source = p.b.data + n / kPanelWidth * p.b.panel + k * kPanelWidth + n % kPanelWidth;
#pragma unroll
    for (int i = 0; i < kFour; ++i) weights[k][i] = __uint_as_float(source[i]);
    words[k] = place_of_word(a, k);
  }
  for (int64_t row = blockIdx.x * int64_t{down} + first; row < rows; row += int64_t{gridDim.x} * down) {
    const TileOfItem tile = TileOfItem::of<1>(p, static_cast<int>(row), rows_of_item);
    if (tile.is_behind) clear_behind<kHalves>(p.ragged, p.c, tile.ragged, 1, n / kFour, across);
    if (!tile.has_rows) continue;
    const TileItem& item = tile.item;
    const int m = tile.m;
    const Parts outer = divide(m, a.positions), at = divide(outer.rest, a.positions_w);
    const int h = at.quotient * a.h.stride + a.h.origin, w = at.rest * a.w.stride + a.w.origin;
    const float* x = a.x.floats() + item.a + outer.quotient * a.outer + h * a.h.pitch + w * a.w.pitch;
    float sums[kFour] = {};
#pragma unroll
    for (int k = 0; k < kMostWords; ++k) {
      if (k >= a.words) break;
      const bool inside = static_cast<unsigned>(h + words[k].h) < static_cast<unsigned>(a.h.in) &&
                          static_cast<unsigned>(w + words[k].w) < static_cast<unsigned>(item.in);
      const float value = inside ? x[words[k].offset] : 0.f;
#pragma unroll
      for (int i = 0; i < kFour; ++i) sums[i] = fmaf(value, weights[k][i], sums[i]);
    }
    const RowOfC<kHalves, false> c(p, item, m);
    c.template put<kFour>(p.c.bias, n, vectors, sums);
  }
}

// The same of samples, to plain fours of C: a block stages those of a tile of rows, and a thread reads them for eight
// rows at once.
namespace samples {

constexpr int kRows = 256, kTogether = 8, kStaged = kRows + kMostWords;

template <bool kHalves>
__global__ __launch_bounds__(kThreads) void thin_samples_kernel(const Product p, int tiles, Divisor tiles_of_item,
                                                                int across) {
  __shared__ __align__(16) float staged[kStaged];
  const int down = static_cast<int>(blockDim.x) / across, first = static_cast<int>(threadIdx.x) / across;
  const int n = static_cast<int>(threadIdx.x) % across * kFour;
  float weights[kMostWords][kFour];
#pragma unroll
  for (int k = 0; k < kMostWords; ++k) {
    const uint32_t* source = p.b.data + n / kPanelWidth * p.b.panel + k * kPanelWidth + n % kPanelWidth;
#pragma unroll
    for (int i = 0; i < kFour; ++i) weights[k][i] = k < p.a.words ? __uint_as_float(source[i]) : 0.f;
  }
  for (int i = static_cast<int>(blockIdx.x); i < tiles; i += static_cast<int>(gridDim.x)) {
    const TileOfItem tile = TileOfItem::of<kRows>(p, i, tiles_of_item);
    if (tile.is_behind) {
      clear_behind<kHalves>(p.ragged, p.c, tile.ragged, kRows, static_cast<int>(threadIdx.x), kThreads);
    }
    if (!tile.has_rows) continue;
    const TileItem& item = tile.item;
    const int m = tile.m;
    __syncthreads();  // before what others read is written over
    for (int i = static_cast<int>(threadIdx.x); i < kStaged; i += kThreads) {
      const int source = m + i + p.a.w.origin;
      const bool inside = static_cast<unsigned>(source) < static_cast<unsigned>(item.in);
      staged[i] = inside ? p.a.x.floats()[item.a + source] : 0.f;
    }
    __syncthreads();
    for (int row = first * kTogether; row < kRows && first < down; row += down * kTogether) {
      float x[kTogether + kMostWords], sums[kTogether][kFour] = {};
#pragma unroll
      for (int i = 0; i < kTogether + kMostWords; i += kFour) Numbers(staged + row).load<kFour, false>(i, x + i);
#pragma unroll
      for (int k = 0; k < kMostWords; ++k) {
        if (k >= p.a.words) break;
#pragma unroll
        for (int r = 0; r < kTogether; ++r) {
#pragma unroll
          for (int i = 0; i < kFour; ++i) sums[r][i] = fmaf(x[r + k], weights[k][i], sums[r][i]);
        }
      }
#pragma unroll
      for (int r = 0; r < kTogether; ++r) {
        if (m + row + r >= item.rows) break;
        if (p.c.bias) {
#pragma unroll
          for (int i = 0; i < kFour; ++i) sums[r][i] += p.c.bias[n + i];
        }
        const int64_t place = int64_t{m + row + r} * p.c.w + n;
        if (place < item.limit) p.c.c.store_as<kFour, kHalves>(item.c + place, sums[r]);
      }
    }
  }
}

void multiply(const KernelContext& context, const Product& product, int across) {
  const Product p = with_items(product);
  const int64_t of_item = TileOfItem::count_of_item(p, kRows), tiles = p.items * of_item;
  launch_blocks(context, p.c.c.halves ? thin_samples_kernel<true> : thin_samples_kernel<false>, tiles, kThreads, p,
                static_cast<int>(tiles), Divisor(of_item), across);
}

}  // namespace samples

}  // namespace

// ---- launchers ----

bool is_thin(const ThinProduct& p) {
  return p.words <= kMostWords && p.columns >= kPanelWidth && p.columns <= kThreads * kFour && p.rows <= kMost &&
         p.reach <= kMost;
}

bool is_thin(Precision precision, const Product& p) {
  return precision == Precision::fp32 && p.a.shifts == 1 && p.groups == 1 && p.b.item == 0 && !p.a.x.halves &&
         !p.a.alpha && !p.c.gelu && !p.c.gelu_input.data &&
         is_thin(ThinProduct{p.a.words, p.columns, rows_of(p), reach_of(p.a)});
}

void multiply_thin(const KernelContext& context, const Product& p, bool vectors) {
  const int across = static_cast<int>((p.columns + kFour - 1) / kFour), down = kThreads / across;
  if (vectors && are_samples(p.a) && is_plain(p)) return samples::multiply(context, p, across);
  const int64_t rows = rows_of(p);
  const int64_t blocks = std::min<int64_t>((rows + down - 1) / down, kBlocksAtOnce * gpu_of(context).multiprocessors);
  const bool halves = p.c.c.halves || p.c.activated.halves;
  launch_blocks(context, halves ? thin_product_kernel<true> : thin_product_kernel<false>, blocks, kThreads, p,
                static_cast<int>(rows), Divisor(p.rows), across, vectors);
}

}  // namespace lmspt::cuda
