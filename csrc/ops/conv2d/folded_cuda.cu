#include "device/cuda/launch.h"
#include "gemm/cuda/elements_of_c.h"
#include "gemm/cuda/pack_weights.h"
#include "gemm/cuda/sm90_operands.h"
#include "ops/conv2d/folded_cuda.h"

namespace lmspt::cuda {

namespace {

constexpr int kMostSums = 128;  // of a position: rows of a tile
constexpr int kAtOnce =
    9;  // numbers that a thread waits for: of 3 by 3 and 3 by 9 taps there are so many, or three times

// ---- kernels ----

// Columns are (column, tap).
struct FoldedWeight {
  FoldedWeights weights;
  int64_t taps;
  __device__ float operator()(int64_t, int64_t, int64_t channel, int64_t column) const {
    return weights.w[channel * weights.channel_step + column / taps * weights.column_step + column % taps];
  }
};

// A tap: how many rows and columns of x, from that of a result on, what it adds to the result comes from, and how far
// on that lies in the parts. It reaches those results alone whose rests modulo the divisors are its phase.
struct alignas(16) TapPlace {
  int h, w, phase;
  int64_t offset;
};

// Of numerators (FoldedAxis) with that rest the tap makes multiples of the divisor. It goes backwards where there is
// one.
__device__ inline int rest_of_tap(const FoldedAxis& axis, int tap) {
  return -tap * axis.tap_step % axis.divisor.value();
}

__device__ inline TapPlace place_of_tap(const FoldedAxis& h, const FoldedAxis& w, int tap, int64_t pitch) {
  const int tap_h = tap / w.taps, tap_w = tap % w.taps;
  const int rest_h = rest_of_tap(h, tap_h), rest_w = rest_of_tap(w, tap_w);
  const int from_h = (tap_h * h.tap_step + rest_h) / h.divisor.value();
  const int from_w = (tap_w * w.tap_step + rest_w) / w.divisor.value();
  const int64_t offset = tap * pitch + int64_t{from_h} * w.positions + from_w;
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

// `parts` are (columns, taps, positions of all items), taps `pitch` apart. A thread has a row of the results.
__global__ __launch_bounds__(kThreads) void fold_kernel(const Product results, const FoldedAxis h, const FoldedAxis w,
                                                        int64_t pitch, const float* parts) {
  __shared__ TapPlace places[kMostSums + kAtOnce];
  const int taps = h.taps * w.taps, padded = (taps + kAtOnce - 1) / kAtOnce * kAtOnce;
#pragma unroll 1
  for (int tap = static_cast<int>(threadIdx.x); tap < padded; tap += kThreads) {
    places[tap] = tap < taps ? place_of_tap(h, w, tap, pitch) : TapPlace{0, 0, -1, 0};
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
    for (int n = 0; n < results.columns; ++n, source += taps * pitch) {
      float sum = 0;
      for (int first = 0; first < padded; first += kAtOnce) {
        float values[kAtOnce];
#pragma unroll
        for (int i = 0; i < kAtOnce; ++i) {
          const TapPlace& tap = places[first + i];
          const bool meets = tap.phase == phase, in_h = is_position(h, at_h.quotient + tap.h);
          const bool inside = meets & in_h & is_position(w, at_w.quotient + tap.w);  // without branches
          values[i] = inside ? source[tap.offset] : 0.f;
        }
#pragma unroll
        for (int i = 0; i < kAtOnce; ++i) sum += values[i];
      }
      c.put<1>(results.c.bias, n, false, &sum);
    }
  }
}

// ---- launchers ----

// What positions give: (sums, positions), `pitch` apart so that four are stored at a time.
struct FoldedParts {
  int64_t sums, positions, pitch;
  float* data;
};

// parts = weights (columns and taps, channels) times x (positions, channels) transposed: neighbours along w lie side by
// side for the pass that follows.
void multiply_parts(const KernelContext& context, Precision precision, const Product& results,
                    const FoldedParts& parts) {
  const int64_t channels = results.a.channels, words = words_of(precision, channels);
  const int64_t sums = parts.sums, positions = parts.positions;
  Product p;
  p.rows = sums, p.columns = parts.pitch;
  p.a.x.data = const_cast<uint32_t*>(results.b.data);
  p.a.item = panel_count(sums) * kPanelWidth * words * floats_of_word(precision);
  p.a.channels = static_cast<int>(channels);
  p.a.w = Axis::of(sums, 1, 1, 0, channels);
  p.a.positions = p.a.positions_w = Divisor(kBeyondAll);
  set_taps(p.a, precision, {1, 1, 1});
  p.b.group = p.b.plane = positions * words;
  p.b.rows = true;
  p.b.columns = positions;
  p.c.c = Numbers(parts.data);
  p.c.item = p.c.limit = sums * parts.pitch;
  p.c.w = parts.pitch;
  p.c.span = Divisor(parts.pitch);
  check_positions(p);
  const Operands operands(context, precision, results.a.x, positions * channels);
  p.b.data = static_cast<const uint32_t*>(operands.data());
  run_sm90_operands(context, precision, p);
}

}  // namespace

// In bytes of a position in bf16: a tile of 64 columns reads it and the weights again for every tap, 3 a channel, out
// of the second-level cache at 6 TB/s; here it is read once, 2 a channel, and 8 a sum are written and read at 4 TB/s.
// Tiles whose taps are shifts (sm90_shifted.h) read less, and take twice as long as this still.
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
  FoldedParts parts;
  parts.sums = results.columns * taps;
  parts.positions = results.rows / results.a.positions.value() * h.positions * w.positions;
  parts.pitch = (parts.positions + 3) / 4 * 4;
  const Scratch scratch(context, parts.sums * parts.pitch * sizeof(float));
  parts.data = static_cast<float*>(scratch.data());
  if (parts.positions > 0) multiply_parts(context, precision, results, parts);
  launch_threads(context, fold_kernel, results.rows, results, h, w, parts.pitch, static_cast<const float*>(parts.data));
}

}  // namespace lmspt::cuda
