// conv1d without a matrix product.
#include "device/cuda/launch.h"
#include "device/cuda/math.h"
#include "ops/conv1d/conv1d.h"
#include "ops/conv1d/conv1d_cuda.h"
#include "ops/conv1d/items_cuda.h"

namespace lmspt::cuda {

namespace {

constexpr int kMostOutputs = kPanelWidth / 2;  // two taps of which fill a panel
constexpr int kLanes = 32;

struct Direct {
  Conv1dGeometry g;
  Numbers x;  // bf16 numbers where there is a single output
  const float *w, *bias, *alpha, *residual;
  float* y;
  RaggedItems ragged;

  // Tiles of so many rows, of all items.
  int64_t tiles(int rows) const {
    return ragged.ends ? ragged.slots(rows) : g.batch * ((g.out_length + rows - 1) / rows);
  }
};

// ---- kernels ----

// Where a tile lies in its item. What lies behind items of different lengths is one that reads nothing.
struct DirectPlace {
  int64_t x;              // where the item begins
  int64_t in_length;      // its rows of x
  int64_t first, length;  // its first row of y, and how many there are
  int64_t t;              // the tile's first of them

  template <int kRows>
  static __device__ DirectPlace of(const Direct& d, int64_t tile) {
    const Conv1dGeometry& g = d.g;
    if (!d.ragged.ends) {
      const int64_t tiles = (g.out_length + kRows - 1) / kRows, item = tile / tiles;
      return {item * g.in_length * g.in_channels, g.in_length, item * g.out_length, g.out_length, tile % tiles * kRows};
    }
    const RaggedPlace at = RaggedPlace::by_thread<kRows>(d.ragged, static_cast<int>(tile));
    const bool exists = at.exists(d.ragged);
    const int64_t positions = d.ragged.positions, length = exists ? at.frames * positions : 0;
    return {int64_t{at.first} * d.ragged.in * g.in_channels,
            at.is_behind(d.ragged) ? 0 : int64_t{at.frames} * d.ragged.in - d.ragged.missing, at.first * positions,
            length, exists ? at.m : 0};
  }
};

// A thread for each output.
__global__ void depthwise_kernel(const Direct d, int64_t rows) {
  const Conv1dGeometry& g = d.g;
  for (int64_t i = first_unit(); i < rows * g.out_channels; i += unit_step()) {
    const int64_t c = i % g.out_channels;
    const DirectPlace at = DirectPlace::of<1>(d, i / g.out_channels);
    if (at.t >= at.length) continue;
    const float* x = d.x.floats() + at.x + c;
    const float alpha = d.alpha ? d.alpha[c] : 0.f, inverse = snake_inverse(alpha);
    float sum = 0;
    for (int64_t j = 0; j < g.kernel; ++j) {
      const int64_t source = at.t * g.stride + j * g.dilation - g.pad_left;
      if (source < 0 || source >= at.in_length) continue;
      const float value = x[source * g.in_channels];
      sum = fmaf(d.w[c * g.kernel + j], d.alpha ? snake(value, alpha, inverse) : value, sum);
    }
    const int64_t place = (at.first + at.t) * g.out_channels + c;
    if (d.bias) sum += d.bias[c];
    if (d.residual) sum += d.residual[place];
    d.y[place] = sum;
  }
}

// One output, of taps that are neighbours. A block stages a tile of rows, some channels at a time and each channel's
// rows side by side, so that Snake is applied once. Groups of its threads share the channels; a thread has four rows,
// for which it reads what their taps have in common once.
namespace single {

constexpr int kRows = 256, kTaps = 8, kChannels = 16;  // of a tile; at most; staged at a time
constexpr int kFour = 4, kGroupThreads = kRows / kFour, kGroups = kThreads / kGroupThreads;
constexpr int kPitch = kRows + kTaps;

struct Staged {
  float x[kChannels][kPitch], weights[kChannels][kTaps], alpha[kChannels], inverse[kChannels];
  float sums[kGroups][kRows];
};

inline bool is_for(const Conv1dGeometry& g) {
  return g.out_channels == 1 && g.groups == 1 && g.stride == 1 && g.dilation == 1 && g.kernel <= kTaps;
}

// Weights and Snake's factors of the channels from `chunk` on.
__device__ inline void stage_channels(const Direct& d, int chunk, Staged& staged) {
  const int channels = static_cast<int>(d.g.in_channels), taps = static_cast<int>(d.g.kernel);
  const int i = static_cast<int>(threadIdx.x), c = i / kTaps, tap = i % kTaps;
  if (i < kChannels * kTaps) {
    staged.weights[c][tap] = chunk + c < channels && tap < taps ? d.w[(chunk + c) * taps + tap] : 0.f;
  }
  if (i < kChannels) {
    staged.alpha[i] = d.alpha && chunk + i < channels ? d.alpha[chunk + i] : 0.f;
    staged.inverse[i] = snake_inverse(staged.alpha[i]);
  }
}

// Rows of those channels from `first` of the item on, of which Snake is zero where there are none.
__device__ inline void stage_rows(const Direct& d, const DirectPlace& at, int64_t first, int chunk, bool fours,
                                  Staged& staged) {
  const int channels = static_cast<int>(d.g.in_channels);
  for (int i = static_cast<int>(threadIdx.x); i < kPitch * kChannels / kFour; i += kThreads) {
    const int row = i % kPitch, c = i / kPitch * kFour;
    const int64_t source = first + row, place = at.x + source * channels + chunk + c;
    float values[kFour] = {};
    if (source >= 0 && source < at.in_length) {
      if (fours && chunk + c < channels) d.x.load<kFour>(place, values);
      for (int e = 0; e < kFour && !fours; ++e) {
        if (chunk + c + e < channels) d.x.load<1>(place + e, values + e);
      }
    }
#pragma unroll
    for (int e = 0; e < kFour; ++e) {
      const float alpha = staged.alpha[c + e], inverse = staged.inverse[c + e];
      if (d.alpha) values[e] = d.x.halves ? snake_near(values[e], alpha, inverse) : snake(values[e], alpha, inverse);
      staged.x[c + e][row] = values[e];
    }
  }
}

__device__ inline void add_channel(const Staged& staged, int c, int taps, int first, float (&sums)[kFour]) {
  float x[kFour + kTaps], weights[kTaps];
#pragma unroll
  for (int i = 0; i < kFour + kTaps; i += kFour) Numbers(staged.x[c] + first).load<kFour, false>(i, x + i);
#pragma unroll
  for (int i = 0; i < kTaps; i += kFour) Numbers(staged.weights[c]).load<kFour, false>(i, weights + i);
#pragma unroll
  for (int tap = 0; tap < kTaps; ++tap) {
    if (tap >= taps) break;
#pragma unroll
    for (int i = 0; i < kFour; ++i) sums[i] = fmaf(weights[tap], x[tap + i], sums[i]);
  }
}

__global__ __launch_bounds__(kThreads) void single_kernel(const Direct d, int64_t tiles, bool fours) {
  __shared__ __align__(16) Staged staged;
  const int channels = static_cast<int>(d.g.in_channels), taps = static_cast<int>(d.g.kernel);
  const int group = static_cast<int>(threadIdx.x) / kGroupThreads;
  const int row = static_cast<int>(threadIdx.x) % kGroupThreads * kFour;
  for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const DirectPlace at = DirectPlace::of<kRows>(d, tile);
    if (at.t >= at.length) continue;
    float sums[kFour] = {};
    for (int chunk = 0; chunk < channels; chunk += kChannels) {
      __syncthreads();  // before what others read is written over
      stage_channels(d, chunk, staged);
      __syncthreads();
      stage_rows(d, at, at.t - d.g.pad_left, chunk, fours, staged);
      __syncthreads();
      for (int c = group; c < kChannels; c += kGroups) add_channel(staged, c, taps, row, sums);
    }
#pragma unroll
    for (int i = 0; i < kFour; ++i) staged.sums[group][row + i] = sums[i];
    __syncthreads();
    const int64_t t = at.t + threadIdx.x, place = at.first + t;
    if (t >= at.length) continue;
    float sum = 0;
#pragma unroll
    for (int i = 0; i < kGroups; ++i) sum += staged.sums[i][threadIdx.x];
    if (d.bias) sum += d.bias[0];
    d.y[place] = d.residual ? sum + d.residual[place] : sum;
  }
}

}  // namespace single

// A warp for each row of outputs: its lanes share the channels, each sums them tap by tap.
__global__ void narrow_kernel(const Direct d, int64_t rows) {
  const Conv1dGeometry& g = d.g;
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  for (int64_t unit = first_unit() / kLanes; unit < rows; unit += unit_step() / kLanes) {
    const DirectPlace at = DirectPlace::of<1>(d, unit);
    if (at.t >= at.length) continue;
    const int64_t row = at.first + at.t, first = at.t * g.stride - g.pad_left;
    float sums[kMostOutputs] = {};
    for (int64_t c = lane; c < g.in_channels; c += kLanes) {
      const float alpha = d.alpha ? d.alpha[c] : 0.f, inverse = snake_inverse(alpha);
      for (int64_t j = 0; j < g.kernel; ++j) {
        const int64_t source = first + j * g.dilation;
        if (source < 0 || source >= at.in_length) continue;
        const float given = d.x.floats()[at.x + source * g.in_channels + c],
                    value = d.alpha ? snake(given, alpha, inverse) : given;
#pragma unroll
        for (int o = 0; o < kMostOutputs; ++o) {
          if (o < g.out_channels) sums[o] = fmaf(d.w[(o * g.in_channels + c) * g.kernel + j], value, sums[o]);
        }
      }
    }
#pragma unroll
    for (int o = 0; o < kMostOutputs; ++o) {
      if (o >= g.out_channels) break;
      for (int step = kLanes / 2; step > 0; step /= 2) sums[o] += __shfl_xor_sync(0xffffffffu, sums[o], step);
      if (lane != 0) continue;
      if (d.bias) sums[o] += d.bias[o];
      if (d.residual) sums[o] += d.residual[row * g.out_channels + o];
      d.y[row * g.out_channels + o] = sums[o];
    }
  }
}

}  // namespace

// ---- launchers ----

bool reads_bf16_directly(const Conv1dGeometry& g) { return single::is_for(g); }

void conv1d_direct(const KernelContext& context) {
  const Tensor x = context.in(0), w = context.in(1);
  const Tensor& y = context.out(0);
  Direct d{conv1d_geometry(x.shape, y.shape, w.shape[2], *context.attrs),
           Numbers(x),
           w.f32(),
           context.in(2).f32(),
           context.in(3).f32(),
           context.in(4).f32(),
           y.f32(),
           {}};
  if (const Tensor ends = context.in(kConvEnds)) {
    const ItemRows rows = item_rows(x.shape, y.shape, *context.attrs);
    d.ragged = ragged_items(ends, rows, rows.out, 0);
  }
  if (is_depthwise(d.g.groups, d.g.group_in(), d.g.group_out())) {
    launch_threads(context, depthwise_kernel, d.tiles(1) * d.g.out_channels, d, d.tiles(1));
  } else if (single::is_for(d.g)) {
    const bool fours = d.g.in_channels % single::kFour == 0 && are_in_fours(d.x);
    launch_blocks(context, single::single_kernel, d.tiles(single::kRows), kThreads, d, d.tiles(single::kRows), fours);
  } else {
    launch_threads(context, narrow_kernel, d.tiles(1) * kLanes, d, d.tiles(1));
  }
}

}  // namespace lmspt::cuda
