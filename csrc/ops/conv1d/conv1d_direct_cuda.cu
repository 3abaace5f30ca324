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
constexpr int kTileRows = 64;
constexpr int kMostStagedReach = 64;  // rows beyond a tile that its taps may read
constexpr int kTogether = 5;          // loads of a thread that are under way at once

struct Direct {
  Conv1dGeometry g;
  const float *x, *w, *bias, *alpha, *residual;
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
  const float* x;         // of the item
  int64_t in_length;      // its rows of x
  int64_t first, length;  // its first row of y, and how many there are
  int64_t t;              // the tile's first of them

  template <int kRows>
  static __device__ DirectPlace of(const Direct& d, int64_t tile) {
    const Conv1dGeometry& g = d.g;
    if (!d.ragged.ends) {
      const int64_t tiles = (g.out_length + kRows - 1) / kRows, item = tile / tiles;
      return {d.x + item * g.in_length * g.in_channels, g.in_length, item * g.out_length, g.out_length,
              tile % tiles * kRows};
    }
    const RaggedPlace at = RaggedPlace::by_thread<kRows>(d.ragged, static_cast<int>(tile));
    const bool exists = at.exists(d.ragged);
    const int64_t positions = d.ragged.positions, length = exists ? at.frames * positions : 0;
    return {d.x + int64_t{at.first} * d.ragged.in * g.in_channels,
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
    const float* x = at.x + c;
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

// One output of stride 1, as narrow_kernel sums it: a block stages a tile of rows, 32 channels at a time, so that Snake
// is applied once; a warp takes an eighth of the rows.
__global__ __launch_bounds__(kThreads) void single_kernel(const Direct d, int64_t tiles) {
  constexpr int kWarps = kThreads / kLanes, kRowsOfWarp = kTileRows / kWarps;
  __shared__ float staged[(kTileRows + kMostStagedReach) * kLanes];
  const Conv1dGeometry& g = d.g;
  const int lane = static_cast<int>(threadIdx.x) % kLanes, warp = static_cast<int>(threadIdx.x) / kLanes;
  const int taps = static_cast<int>(g.kernel), dilation = static_cast<int>(g.dilation);
  const int count = kTileRows + (taps - 1) * dilation;
  for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const DirectPlace at = DirectPlace::of<kTileRows>(d, tile);
    if (at.t >= at.length) continue;
    float sums[kRowsOfWarp] = {};
    for (int64_t chunk = 0; chunk < g.in_channels; chunk += kLanes) {
      const int64_t c = chunk + lane;
      const bool is_channel = c < g.in_channels;
      const float alpha = d.alpha && is_channel ? d.alpha[c] : 0.f, inverse = snake_inverse(alpha);
      const auto load = [&](int i) {
        const int64_t source = at.t + i - g.pad_left;
        const bool inside = is_channel && i < count && source >= 0 && source < at.in_length;
        return inside ? at.x[source * g.in_channels + c] : 0.f;  // of which Snake is zero
      };
      for (int first = warp; first < count; first += kTogether * kWarps) {
        float values[kTogether];
#pragma unroll
        for (int i = 0; i < kTogether; ++i) values[i] = load(first + i * kWarps);
#pragma unroll
        for (int i = 0; i < kTogether; ++i) {
          if (first + i * kWarps >= count) break;
          if (d.alpha) values[i] = snake(values[i], alpha, inverse);
          staged[(first + i * kWarps) * kLanes + lane] = values[i];
        }
      }
      float weights[kPanelWidth];
#pragma unroll
      for (int j = 0; j < kPanelWidth; ++j) weights[j] = is_channel && j < taps ? d.w[c * taps + j] : 0.f;
      __syncthreads();
#pragma unroll
      for (int r = 0; r < kRowsOfWarp; ++r) {
#pragma unroll
        for (int j = 0; j < kPanelWidth; ++j) {
          if (j >= taps) break;
          sums[r] = fmaf(weights[j], staged[(warp * kRowsOfWarp + r + j * dilation) * kLanes + lane], sums[r]);
        }
      }
      __syncthreads();  // before the next channels are staged
    }
#pragma unroll
    for (int r = 0; r < kRowsOfWarp; ++r) {
      for (int step = kLanes / 2; step > 0; step /= 2) sums[r] += __shfl_xor_sync(0xffffffffu, sums[r], step);
      const int64_t t = at.t + warp * kRowsOfWarp + r;
      if (lane != 0 || t >= at.length) continue;
      if (d.bias) sums[r] += d.bias[0];
      if (d.residual) sums[r] += d.residual[at.first + t];
      d.y[at.first + t] = sums[r];
    }
  }
}

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
        const float given = at.x[source * g.in_channels + c], value = d.alpha ? snake(given, alpha, inverse) : given;
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

void conv1d_direct(const KernelContext& context) {
  const Tensor x = context.in(0), w = context.in(1);
  const Tensor& y = context.out(0);
  Direct d{conv1d_geometry(x.shape, y.shape, w.shape[2], *context.attrs),
           x.f32(),
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
  } else if (d.g.out_channels == 1 && d.g.stride == 1 && (d.g.kernel - 1) * d.g.dilation <= kMostStagedReach) {
    launch_blocks(context, single_kernel, d.tiles(kTileRows), kThreads, d, d.tiles(kTileRows));
  } else {
    launch_threads(context, narrow_kernel, d.tiles(1) * kLanes, d, d.tiles(1));
  }
}

}  // namespace lmspt::cuda
