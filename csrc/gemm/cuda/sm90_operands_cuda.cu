// Rows of x as bulk copies want them: rounded to the precision's numbers, and through Snake.
#include "device/cuda/launch.h"
#include "device/cuda/math.h"
#include "gemm/cuda/arithmetic.h"
#include "gemm/cuda/sm90_operands.h"

namespace lmspt::cuda {

namespace {

// ---- kernels ----

// Writes four neighbours from number `at` on, which lie at a multiple of their size.
template <class Arithmetic>
__device__ void store_four(const float* values, int64_t at, int64_t plane, uint32_t* operands) {
  constexpr int kWords = 4 / Arithmetic::kFloats;
  for (int part = 0; part < Arithmetic::kPlanes; ++part) {
    uint32_t words[kWords];
    for (int i = 0; i < kWords; ++i) words[i] = Arithmetic::word(values + i * Arithmetic::kFloats, part);
    uint32_t* target = operands + (part * plane + at) / Arithmetic::kFloats;
    if constexpr (kWords == 4) {
      *reinterpret_cast<uint4*>(target) = make_uint4(words[0], words[1], words[2], words[3]);
    } else {
      *reinterpret_cast<uint2*>(target) = make_uint2(words[0], words[1]);
    }
  }
}

// Four neighbours of x, from a channel on, through Snake where there is alpha.
template <class Arithmetic>
__device__ void load_four(const Numbers& x, int64_t at, const float* alpha, int64_t channel, float (&values)[4]) {
  x.load<4, Arithmetic::kHalves>(at, values);
  if (!alpha) return;
  float factors[4];
  Numbers(alpha).load<4, false>(channel, factors);
  for (int i = 0; i < 4; ++i) {
    const float inverse = snake_inverse(factors[i]);
    values[i] = Arithmetic::kHalves && x.halves ? snake_near(values[i], factors[i], inverse)
                                                : snake(values[i], factors[i], inverse);
  }
}

template <class Arithmetic>
__global__ void sm90_operands_kernel(Numbers x, const float* alpha, int64_t channels, int64_t count, int64_t plane,
                                     uint32_t* operands) {
  for (int64_t four = first_unit(); four < count / 4; four += unit_step()) {
    float values[4];
    load_four<Arithmetic>(x, 4 * four, alpha, 4 * four % channels, values);
    store_four<Arithmetic>(values, 4 * four, plane, operands);
  }
}

// A warp for each row.
template <class Arithmetic>
__global__ void sm90_ragged_kernel(Numbers x, const float* alpha, int channels, const RaggedItems items, int64_t rows,
                                   uint32_t* operands) {
  constexpr int kLanes = 32;
  RaggedItems layout = items;  // a slot for each row, the gap before the first item left out
  layout.positions = items.in, layout.extra = items.gap - 1;
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  for (int64_t row = first_unit() / kLanes; row < rows; row += unit_step() / kLanes) {
    const RaggedPlace at = RaggedPlace::by_warp<1>(layout, static_cast<int>(row) - items.gap);
    const bool inside = at.m >= 0 && at.m < at.frames * items.in - items.missing && !at.is_behind(items);
    const int64_t source = (int64_t{at.first} * items.in + at.m) * channels;
    for (int c = 4 * lane; c < channels; c += 4 * kLanes) {
      float values[4] = {};
      if (inside) load_four<Arithmetic>(x, source + c, alpha, c, values);
      store_four<Arithmetic>(values, row * channels + c, rows * channels, operands);
    }
  }
}

// Tiles of 32 rows by 32 columns of x.
template <class Arithmetic>
__global__ void sm90_transposed_kernel(Numbers x, int64_t items, int64_t rows, int64_t columns, int64_t plane,
                                       uint32_t* operands) {
  constexpr int kTile = 32, kFours = kTile / 4;
  __shared__ float tile[kTile][kTile + 1];
  const int64_t down = (rows + kTile - 1) / kTile, across = (columns + kTile - 1) / kTile;
  for (int64_t unit = blockIdx.x; unit < items * down * across; unit += gridDim.x) {
    const int64_t item = unit / (down * across) * rows * columns;
    const int64_t row = unit / across % down * kTile, column = unit % across * kTile;
    for (int i = threadIdx.x; i < kTile * kTile; i += blockDim.x) {
      const int64_t at = row + i / kTile, along = column + i % kTile;
      if (at >= rows || along >= columns) continue;
      x.load<1, Arithmetic::kHalves>(item + at * columns + along, &tile[i / kTile][i % kTile]);
    }
    __syncthreads();
    for (int i = threadIdx.x; i < kTile * kFours; i += blockDim.x) {
      const int along = i / kFours, first = i % kFours * 4;
      if (row + first >= rows || column + along >= columns) continue;
      float values[4];
      for (int f = 0; f < 4; ++f) values[f] = tile[first + f][along];
      store_four<Arithmetic>(values, item + (column + along) * rows + row + first, plane, operands);
    }
    __syncthreads();  // before the next tile
  }
}

// Tiles of 32 rows by 32 columns of one pixel's place along w.
__global__ void sm90_along_k_kernel(const float* x, const Transposed shape, Divisor stride, uint32_t* operands) {
  constexpr int kTile = 32;
  __shared__ float tile[kTile][kTile + 1];
  const int64_t down = (shape.height + kTile - 1) / kTile, across = (shape.columns + kTile - 1) / kTile;
  for (int64_t unit = blockIdx.x; unit < shape.items * shape.width * down * across; unit += gridDim.x) {
    const int64_t column = unit % across * kTile, row = unit / across % down * kTile;
    const int64_t place = unit / across / down, w = place % shape.width, item = place / shape.width;
    const float* source = x + (item * shape.height * shape.width + w) * shape.columns;
    for (int i = threadIdx.x; i < kTile * kTile; i += blockDim.x) {
      const int64_t h = row + i / kTile, along = column + i % kTile;
      if (h < shape.height && along < shape.columns) {
        tile[i / kTile][i % kTile] = source[h * shape.width * shape.columns + along];
      }
    }
    __syncthreads();
    uint32_t* target = operands + place * shape.pixel();
    for (int i = threadIdx.x; i < kTile * kTile; i += blockDim.x) {
      const int64_t h = row + i % kTile, along = column + i / kTile;
      if (h >= shape.height || along >= shape.columns) continue;
      const Parts group = divide(static_cast<int>(h), stride);
      uint32_t* first = target + (group.rest * shape.columns + along) * shape.pitch();
      for (int plane = 0; plane < shape.planes; ++plane, first += shape.plane()) {
        for (int zero = 0; zero < plane && group.quotient == 0; ++zero) first[zero] = 0;
        first[group.quotient + plane] = Tf32::word(&tile[i % kTile][i / kTile], 0);
      }
    }
    __syncthreads();  // before the next tile
  }
}

// ---- launchers ----

// Calls `body` with the precision's arithmetic.
template <class Body>
void with_arithmetic(Precision precision, const Body& body) {
  switch (precision) {
    case Precision::tf32: return body(Tf32{});
    case Precision::bf16x3: return body(Bf16x3{});
    default: return body(Bf16{});
  }
}

}  // namespace

void make_operands(const KernelContext& context, Precision precision, const Numbers& x, const float* alpha,
                   int64_t channels, int64_t count, int64_t plane, void* operands) {
  with_arithmetic(precision, [&](auto arithmetic) {
    launch_threads(context, sm90_operands_kernel<decltype(arithmetic)>, count / 4, x, alpha, channels, count, plane,
                   static_cast<uint32_t*>(operands));
  });
}

void make_ragged_operands(const KernelContext& context, Precision precision, const RowsOfA& a, const RaggedItems& items,
                          void* operands) {
  const int64_t rows = items.rows_with_gaps();
  with_arithmetic(precision, [&](auto arithmetic) {
    launch_threads(context, sm90_ragged_kernel<decltype(arithmetic)>, rows * 32, a.x, a.alpha, a.w.pitch, items, rows,
                   static_cast<uint32_t*>(operands));
  });
}

void make_transposed_operands(const KernelContext& context, Precision precision, const Numbers& x, int64_t items,
                              int64_t rows, int64_t columns, int64_t plane, void* operands) {
  const int64_t tiles = items * ((rows + 31) / 32) * ((columns + 31) / 32);
  with_arithmetic(precision, [&](auto arithmetic) {
    launch_blocks(context, sm90_transposed_kernel<decltype(arithmetic)>, tiles, kThreads, x, items, rows, columns,
                  plane, static_cast<uint32_t*>(operands));
  });
}

void make_operands_along_k(const KernelContext& context, const float* x, const Transposed& shape, void* operands) {
  const int64_t tiles = shape.items * shape.width * ((shape.height + 31) / 32) * ((shape.columns + 31) / 32);
  launch_blocks(context, sm90_along_k_kernel, tiles, kThreads, x, shape, Divisor(shape.stride),
                static_cast<uint32_t*>(operands));
}

}  // namespace lmspt::cuda
