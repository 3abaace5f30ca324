#include "device/cuda/launch.h"
#include "gemm/cuda/arithmetic.h"
#include "gemm/cuda/sm90_product.h"
#include "ops/conv2d/unfolded_cuda.h"

namespace lmspt::cuda {

namespace {

constexpr int kEight = 8;           // numbers that a thread writes
constexpr int kFourWords = 4;       // 16 bytes
constexpr int64_t kMostWords = 64;  // of a position: two blocks of K
constexpr int64_t kLeastColumns = 16;

int64_t up_to(int64_t count, int64_t step) { return (count + step - 1) / step * step; }

// ---- kernels ----

// (rows, width) numbers, those of each tap `tap_width` after the last tap's, zeros between and behind them. Lo parts of
// a split product lie a plane behind.
template <class Arithmetic>
__global__ void unfold_kernel(const RowsOfA a, Divisor tap_width, Divisor eights, int64_t rows, uint32_t* operands) {
  constexpr int kWords = kEight / Arithmetic::kFloats;
  const int64_t row_words = int64_t{eights.value()} * kWords;
  for (int64_t unit = first_unit(); unit < rows * eights.value(); unit += unit_step()) {
    const int64_t row = unit / eights.value();
    const int first = static_cast<int>(unit % eights.value()) * kEight;
    const Parts outer = divide(static_cast<int>(row), a.positions), at = divide(outer.rest, a.positions_w);
    const int h0 = at.quotient * a.h.stride + a.h.origin, w0 = at.rest * a.w.stride + a.w.origin;
    float values[kEight];
#pragma unroll
    for (int i = 0; i < kEight; ++i) {
      const Parts tap = divide(first + i, tap_width), of = divide(tap.quotient, a.taps_w);
      const int h = h0 + of.quotient * a.h.dilation, w = w0 + of.rest * a.w.dilation;
      const bool inside = tap.rest < a.channels && static_cast<unsigned>(h) < static_cast<unsigned>(a.h.in) &&
                          static_cast<unsigned>(w) < static_cast<unsigned>(a.w.in);
      values[i] = 0;
      if (inside) {
        a.x.load<1, Arithmetic::kHalves>(outer.quotient * a.outer + h * a.h.pitch + w * a.w.pitch + tap.rest,
                                         values + i);
      }
    }
    for (int plane = 0; plane < Arithmetic::kPlanes; ++plane) {
      uint32_t words[kWords];
#pragma unroll
      for (int i = 0; i < kWords; ++i) words[i] = Arithmetic::word(values + i * Arithmetic::kFloats, plane);
      uint32_t* target = operands + (plane * rows + row) * row_words + first / Arithmetic::kFloats;
#pragma unroll
      for (int i = 0; i < kWords; i += kFourWords) {
        *reinterpret_cast<uint4*>(target + i) = make_uint4(words[i], words[i + 1], words[i + 2], words[i + 3]);
      }
    }
  }
}

// Panels (planes, N / 16, words, 16) to rows (planes, N, row_words), zeros behind the words.
__global__ void panels_to_rows_kernel(const ColumnsOfB b, int words, int row_words, int64_t columns, int64_t count,
                                      uint32_t* rows) {
  for (int64_t i = first_unit(); i < count; i += unit_step()) {
    const int64_t word = i % row_words, column = i / row_words % columns, plane = i / row_words / columns;
    const uint32_t* panel = b.data + plane * b.plane + column / kPanelWidth * b.panel;
    rows[i] = word < words ? panel[word * kPanelWidth + column % kPanelWidth] : 0;
  }
}

// What was summed as (M, width) to its places in C.
__global__ void fold_gradient_kernel(const OuterProduct o, int64_t width, const float* sums) {
  for (int64_t i = first_unit(); i < o.rows * o.columns; i += unit_step()) {
    const int64_t m = i / o.columns, n = i % o.columns;
    const Parts tap = divide(static_cast<int>(n), o.channels);
    o.c[m * o.row_step + tap.quotient * o.tap_step + tap.rest * o.channel_step] = sums[m * width + n];
  }
}

// ---- launchers ----

template <class Arithmetic>
void unfold(const KernelContext& context, const RowsOfA& a, int64_t tap_width, int64_t width, int64_t rows,
            void* operands) {
  launch_threads(context, unfold_kernel<Arithmetic>, rows * (width / kEight), a, Divisor(tap_width),
                 Divisor(width / kEight), rows, static_cast<uint32_t*>(operands));
}

}  // namespace

bool is_unfolded(const KernelContext& context, Precision precision, const RowsOfA& a, int64_t rows, int64_t columns) {
  return has_sm90_engine(context, precision) && !are_rows(context, precision, a.channels) && a.words <= kMostWords &&
         columns >= kLeastColumns && rows > 0 && rows < kBeyondAll;
}

void run_unfolded(const KernelContext& context, Precision precision, const Product& product) {
  const int64_t floats = floats_of_word(precision), planes = precision == Precision::bf16x3 ? 2 : 1;
  const int64_t width = up_to(product.a.words * floats, kEight), words = width / floats;
  const Scratch operands(context, planes * product.rows * words * sizeof(uint32_t));
  const Scratch weights(context, planes * product.columns * words * sizeof(uint32_t));
  const int64_t tap_width = product.a.tap_words.value() * floats;
  switch (precision) {
    case Precision::tf32: unfold<Tf32>(context, product.a, tap_width, width, product.rows, operands.data()); break;
    case Precision::bf16x3: unfold<Bf16x3>(context, product.a, tap_width, width, product.rows, operands.data()); break;
    default: unfold<Bf16>(context, product.a, tap_width, width, product.rows, operands.data());
  }
  const int64_t count = planes * product.columns * words;
  launch_threads(context, panels_to_rows_kernel, count, product.b, product.a.words, static_cast<int>(words),
                 product.columns, count, static_cast<uint32_t*>(weights.data()));
  Product p = product;
  p.a = {};
  p.a.x.data = operands.data();
  p.a.item = p.rows * width;
  p.a.channels = static_cast<int>(width);
  p.a.w = Axis::of(p.rows, 1, 1, 0, width);
  p.a.positions = p.a.positions_w = Divisor(kBeyondAll);
  set_taps(p.a, precision, {1, 1, 1});
  p.b = {};
  p.b.data = static_cast<const uint32_t*>(weights.data());
  p.b.group = p.b.plane = p.columns * words;
  p.b.rows = true;
  p.c.outer = p.c.h = 0;
  p.c.item = p.c.limit = p.rows * p.columns;
  run_sm90_operands(context, precision, p);
}

void run_unfolded_weight_gradient(const KernelContext& context, Precision precision, const OuterProduct& product) {
  const int64_t width = up_to(product.columns, kEight), channels = product.taps.channels;
  const bool halves = precision == Precision::bf16;
  const Scratch operands(context, product.depth * width * (halves ? sizeof(uint16_t) : sizeof(float)));
  const Scratch sums(context, product.rows * width * sizeof(float));
  if (halves) {
    unfold<Bf16>(context, product.taps, channels, width, product.depth, operands.data());
  } else {
    unfold<Float32>(context, product.taps, channels, width, product.depth, operands.data());
  }
  OuterProduct o = product;
  o.columns = width;
  o.taps = {};
  o.taps.x = Numbers(static_cast<const float*>(operands.data()));
  o.taps.x.halves = halves;
  o.taps.outer = product.depth * width;
  o.taps.w = Axis::of(product.depth, 1, 1, 0, width);
  o.taps.positions = o.taps.positions_w = Divisor(product.depth);
  o.taps.channels = o.taps.words = static_cast<int>(width);
  o.taps.tap_words = Divisor(width);
  o.taps.taps_w = Divisor(1);
  o.c = static_cast<float*>(sums.data());
  o.channels = Divisor(width);
  o.row_step = width, o.tap_step = 0, o.channel_step = 1;
  run_weight_gradient(context, precision, o);
  launch_threads(context, fold_gradient_kernel, product.rows * product.columns, product, width,
                 static_cast<const float*>(sums.data()));
}

}  // namespace lmspt::cuda
