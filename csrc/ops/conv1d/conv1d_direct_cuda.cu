// conv1d without a matrix product.
#include "device/cuda/launch.h"
#include "device/cuda/math.h"
#include "ops/conv1d/conv1d.h"
#include "ops/conv1d/conv1d_cuda.h"

namespace lmspt::cuda {

namespace {

constexpr int kMostOutputs = kPanelWidth / 2;  // two taps of which fill a panel
constexpr int kLanes = 32;
constexpr int kTileRows = 64;
constexpr int kMostReach = 64;  // rows beyond a tile that its taps may read

struct Direct {
  Conv1dGeometry g;
  const float *x, *w, *bias, *alpha, *residual;
  float* y;
};

// ---- kernels ----

// A thread for each output.
__global__ void depthwise_kernel(const Direct d) {
  const Conv1dGeometry& g = d.g;
  const int64_t count = g.batch * g.out_length * g.out_channels;
  for (int64_t i = first_unit(); i < count; i += unit_step()) {
    const int64_t c = i % g.out_channels, row = i / g.out_channels, t = row % g.out_length;
    const float* x = d.x + row / g.out_length * g.in_length * g.in_channels + c;
    const float alpha = d.alpha ? d.alpha[c] : 0.f, inverse = snake_inverse(alpha);
    float sum = 0;
    for (int64_t j = 0; j < g.kernel; ++j) {
      const int64_t source = t * g.stride + j * g.dilation - g.pad_left;
      if (source < 0 || source >= g.in_length) continue;
      const float value = x[source * g.in_channels];
      sum = fmaf(d.w[c * g.kernel + j], d.alpha ? snake(value, alpha, inverse) : value, sum);
    }
    if (d.bias) sum += d.bias[c];
    if (d.residual) sum += d.residual[i];
    d.y[i] = sum;
  }
}

// One output of stride 1, as narrow_kernel sums it: a block stages a tile of rows, 32 channels at a time, so that Snake
// is applied once; a warp takes every eighth of the rows.
__global__ __launch_bounds__(kThreads) void single_kernel(const Direct d) {
  constexpr int kWarps = kThreads / kLanes, kRowsOfWarp = kTileRows / kWarps;
  __shared__ float staged[(kTileRows + kMostReach) * kLanes];
  const Conv1dGeometry& g = d.g;
  const int lane = static_cast<int>(threadIdx.x) % kLanes, warp = static_cast<int>(threadIdx.x) / kLanes;
  const int taps = static_cast<int>(g.kernel), dilation = static_cast<int>(g.dilation);
  const int count = kTileRows + (taps - 1) * dilation;
  const int64_t tiles = (g.out_length + kTileRows - 1) / kTileRows;
  for (int64_t tile = blockIdx.x; tile < g.batch * tiles; tile += gridDim.x) {
    const int64_t first = tile % tiles * kTileRows, item = tile / tiles;
    const float* x = d.x + item * g.in_length * g.in_channels;
    float sums[kRowsOfWarp] = {};
    for (int64_t chunk = 0; chunk < g.in_channels; chunk += kLanes) {
      const int64_t c = chunk + lane;
      const bool is_channel = c < g.in_channels;
      const float alpha = d.alpha && is_channel ? d.alpha[c] : 0.f, inverse = snake_inverse(alpha);
      for (int i = warp; i < count; i += kWarps) {
        const int64_t source = first + i - g.pad_left;
        const bool inside = is_channel && source >= 0 && source < g.in_length;
        const float value = inside ? x[source * g.in_channels + c] : 0.f;
        staged[i * kLanes + lane] = inside && d.alpha ? snake(value, alpha, inverse) : value;
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
          sums[r] = fmaf(weights[j], staged[(warp + r * kWarps + j * dilation) * kLanes + lane], sums[r]);
        }
      }
      __syncthreads();  // before the next channels are staged
    }
#pragma unroll
    for (int r = 0; r < kRowsOfWarp; ++r) {
      for (int step = kLanes / 2; step > 0; step /= 2) sums[r] += __shfl_xor_sync(0xffffffffu, sums[r], step);
      const int64_t t = first + warp + r * kWarps;
      if (lane != 0 || t >= g.out_length) continue;
      if (d.bias) sums[r] += d.bias[0];
      if (d.residual) sums[r] += d.residual[item * g.out_length + t];
      d.y[item * g.out_length + t] = sums[r];
    }
  }
}

// A warp for each row of outputs: its lanes share the channels, each sums them tap by tap.
__global__ void narrow_kernel(const Direct d) {
  const Conv1dGeometry& g = d.g;
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  for (int64_t row = first_unit() / kLanes; row < g.batch * g.out_length; row += unit_step() / kLanes) {
    const int64_t first = row % g.out_length * g.stride - g.pad_left;
    const float* x = d.x + row / g.out_length * g.in_length * g.in_channels;
    float sums[kMostOutputs] = {};
    for (int64_t c = lane; c < g.in_channels; c += kLanes) {
      const float alpha = d.alpha ? d.alpha[c] : 0.f, inverse = snake_inverse(alpha);
      for (int64_t j = 0; j < g.kernel; ++j) {
        const int64_t source = first + j * g.dilation;
        if (source < 0 || source >= g.in_length) continue;
        const float given = x[source * g.in_channels + c], value = d.alpha ? snake(given, alpha, inverse) : given;
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
  const Direct d{conv1d_geometry(x.shape, y.shape, w.shape[2], *context.attrs),
                 x.f32(),
                 w.f32(),
                 context.in(2).f32(),
                 context.in(3).f32(),
                 context.in(4).f32(),
                 y.f32()};
  if (is_depthwise(d.g.groups, d.g.group_in(), d.g.group_out())) {
    launch_threads(context, depthwise_kernel, y.shape.count(), d);
  } else if (d.g.out_channels == 1 && d.g.stride == 1 && (d.g.kernel - 1) * d.g.dilation <= kMostReach) {
    const int64_t tiles = (d.g.out_length + kTileRows - 1) / kTileRows;
    launch_blocks(context, single_kernel, d.g.batch * tiles, kThreads, d);
  } else {
    launch_threads(context, narrow_kernel, d.g.batch * d.g.out_length * kLanes, d);
  }
}

}  // namespace lmspt::cuda
