#include "device/cuda/launch.h"
#include "gemm/cuda/elements_of_c.h"
#include "gemm/cuda/pack_weights.h"
#include "gemm/cuda/sm90_operands.h"
#include "ops/conv2d/folded_cuda.h"

namespace lmspt::cuda {

namespace {

constexpr int kMostSums = 128;  // of a position: rows of a tile
constexpr int kNine = 9;        // numbers that a thread waits for at once: taps of 3 by 3 and 3 by 9 are nines

// ---- kernels ----

// Columns are (column, tap).
struct FoldedWeight {
  FoldedWeights weights;
  int64_t taps;
  __device__ float operator()(int64_t, int64_t, int64_t channel, int64_t column) const {
    return weights.w[channel * weights.channel_step + column / taps * weights.column_step + column % taps];
  }
};

// What a tap does to a position: to rows and columns of x, and to the place of what was summed for it. It reaches those
// results whose rests modulo the divisors are its phase.
struct alignas(16) TapPlace {
  int h, w, phase;
  int64_t offset;
};

// Of numerators (FoldedAxis) with that rest the tap makes multiples of the divisor. It goes backwards where there is
// one.
__device__ inline int rest_of_tap(const FoldedAxis& axis, int tap) {
  return -tap * axis.tap_step % axis.divisor.value();
}

__device__ inline TapPlace place_of_tap(const FoldedAxis& h, const FoldedAxis& w, int tap, int64_t positions) {
  const int tap_h = tap / w.taps, tap_w = tap % w.taps;
  const int rest_h = rest_of_tap(h, tap_h), rest_w = rest_of_tap(w, tap_w);
  const int from_h = (tap_h * h.tap_step + rest_h) / h.divisor.value();
  const int from_w = (tap_w * w.tap_step + rest_w) / w.divisor.value();
  const int64_t offset = tap * positions + int64_t{from_h} * w.positions + from_w;
  return {from_h, from_w, rest_h * w.divisor.value() + rest_w, offset};
}

// What is below zero is divided by 1 alone.
__device__ inline Parts place_of_result(const FoldedAxis& axis, int result) {
  const int numerator = result * axis.step + axis.origin;
  return axis.divisor.value() == 1 ? Parts{numerator, 0} : divide(numerator, axis.divisor);
}

__device__ inline bool is_position(const FoldedAxis& axis, int number) {
  return static_cast<unsigned>(number) < static_cast<unsigned>(axis.positions);
}

// `parts` are (columns, taps, positions of all items). A thread has a row of the results.
__global__ __launch_bounds__(kThreads) void fold_kernel(const Product results, const FoldedAxis h, const FoldedAxis w,
                                                        int64_t positions, const float* parts) {
  __shared__ TapPlace places[kMostSums + kNine];
  const int taps = h.taps * w.taps, nines = (taps + kNine - 1) / kNine * kNine;
#pragma unroll 1
  for (int tap = static_cast<int>(threadIdx.x); tap < nines; tap += kThreads) {
    places[tap] = tap < taps ? place_of_tap(h, w, tap, positions) : TapPlace{0, 0, -1, 0};
  }
  __syncthreads();
  const TileItem all = item_of(results, 0, 0);
  for (int64_t row = first_unit(); row < results.rows; row += unit_step()) {
    const Parts item = divide(static_cast<int>(row), results.a.positions);
    const Parts at = divide(item.rest, results.a.positions_w);
    const Parts at_h = place_of_result(h, at.quotient), at_w = place_of_result(w, at.rest);
    const int phase = at_h.rest * w.divisor.value() + at_w.rest;
    const RowOfC<true, false> c(results, all, static_cast<int>(row));
    const float* source = parts + (int64_t{item.quotient} * h.positions + at_h.quotient) * w.positions + at_w.quotient;
    for (int n = 0; n < results.columns; ++n, source += taps * positions) {
      float sum = 0;
      for (int first = 0; first < nines; first += kNine) {
        float values[kNine];
#pragma unroll
        for (int i = 0; i < kNine; ++i) {
          const TapPlace& tap = places[first + i];
          const bool meets = tap.phase == phase, in_h = is_position(h, at_h.quotient + tap.h);
          const bool inside = meets & in_h & is_position(w, at_w.quotient + tap.w);  // without branches
          values[i] = inside ? source[tap.offset] : 0.f;
        }
#pragma unroll
        for (int i = 0; i < kNine; ++i) sum += values[i];
      }
      c.put<1>(results.c.bias, n, false, &sum);
    }
  }
}

// ---- launchers ----

// parts = weights (columns and taps, channels) times x (positions, channels) transposed: neighbours along w lie side by
// side for the pass that follows.
void multiply_parts(const KernelContext& context, Precision precision, const Product& results, int64_t positions,
                    float* parts) {
  const bool halves = precision == Precision::bf16 && results.a.x.halves;
  const int64_t channels = results.a.channels, words = words_of(precision, channels);
  const int64_t sums = results.columns * (results.a.words / results.a.tap_words.value());
  Product p;
  p.rows = sums, p.columns = positions;
  p.a.x.data = const_cast<uint32_t*>(results.b.data);
  p.a.item = panel_count(sums) * kPanelWidth * words * floats_of_word(precision);
  p.a.channels = static_cast<int>(channels);
  p.a.w = Axis::of(sums, 1, 1, 0, channels);
  p.a.positions = p.a.positions_w = Divisor(kBeyondAll);
  set_taps(p.a, precision, {1, 1, 1});
  p.b.group = p.b.plane = positions * words;
  p.b.rows = true;
  p.c.c = Numbers(parts);
  p.c.item = p.c.limit = sums * positions;
  p.c.w = positions;
  p.c.span = Divisor(positions);
  check_positions(p);
  const int64_t count = positions * channels;
  const Scratch operands(context, halves ? 0 : bytes_of_operands(precision, count));
  if (!halves) make_operands(context, precision, results.a.x, nullptr, channels, count, count, operands.data());
  p.b.data = static_cast<const uint32_t*>(halves ? results.a.x.data : operands.data());
  run_sm90_operands(context, precision, p);
}

}  // namespace

// In bytes of a position in bf16: a tile of 64 columns reads it and the weights again for every tap, 3 a channel, out
// of the second-level cache at 6 TB/s; here it is read once, 2 a channel, and 8 a sum are written and read at 4 TB/s.
bool is_folded(const KernelContext& context, Precision precision, const FoldedSize& size) {
  return are_rows(context, precision, size.channels) && size.taps * size.columns <= kMostSums &&
         size.taps * (size.channels - 4 * size.columns) > size.channels;
}

FoldedAxis FoldedAxis::forward(const ConvAxis& axis) {
  return {static_cast<int>(axis.in),       static_cast<int>(axis.kernel), static_cast<int>(axis.stride),
          static_cast<int>(axis.dilation), static_cast<int>(-axis.pad),   Divisor(1)};
}

FoldedAxis FoldedAxis::gradient(const ConvAxis& axis) {
  return {static_cast<int>(axis.out),       static_cast<int>(axis.kernel), 1,
          static_cast<int>(-axis.dilation), static_cast<int>(axis.pad),    Divisor(axis.stride)};
}

void pack_folded(const KernelContext& context, Precision precision, const FoldedSize& size,
                 const FoldedWeights& weights, void* packed) {
  pack_weights(context, precision, {1, 1, size.channels, size.columns * size.taps}, true,
               FoldedWeight{weights, size.taps}, packed);
}

void run_folded(const KernelContext& context, Precision precision, const Product& results, const FoldedAxis& h,
                const FoldedAxis& w) {
  if (results.rows == 0) return;
  check_positions(results);
  const int64_t taps = int64_t{h.taps} * w.taps;
  const int64_t positions = results.rows / results.a.positions.value() * h.positions * w.positions;
  const Scratch parts(context, results.columns * taps * positions * sizeof(float));
  if (positions > 0) {
    multiply_parts(context, precision, results, positions, static_cast<float*>(parts.data()));
  }
  launch_threads(context, fold_kernel, results.rows, results, h, w, positions, static_cast<const float*>(parts.data()));
}

}  // namespace lmspt::cuda
