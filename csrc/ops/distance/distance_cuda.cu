// Pairs are added up in pieces, a block for each, and the pieces in order. Which pairs a thread adds follows from their
// places alone, not from how they may be read.
#include "device/cuda/mean_of_totals.h"
#include "device/cuda/numbers.h"

namespace lmspt::cuda {

namespace {

constexpr int kWidth = 4;
constexpr int64_t kQuads = 8 * kThreads;  // of a piece

struct Pairs {
  Numbers a, b;
  int64_t count;
  bool in_fours;

  explicit Pairs(const KernelContext& context)
      : a(context.in(0)),
        b(context.in(1)),
        count(context.in(0).shape.count()),
        in_fours(are_in_fours(a) && are_in_fours(b)) {}

  __host__ __device__ int64_t quads() const { return (count + kWidth - 1) / kWidth; }

  // Four pairs from `at` on, of which those that are missing are zeros; how many there are.
  __device__ int load(int64_t at, float (&x)[kWidth], float (&y)[kWidth]) const {
    if (in_fours && at + kWidth <= count) {
      a.load<kWidth>(at, x);
      b.load<kWidth>(at, y);
      return kWidth;
    }
    const int left = static_cast<int>(count - at < kWidth ? count - at : kWidth);
    for (int i = 0; i < kWidth; ++i) {
      x[i] = y[i] = 0;
      if (i >= left) continue;
      a.load<1>(at + i, x + i);
      b.load<1>(at + i, y + i);
    }
    return left;
  }
};

// ---- kernels ----

__global__ void l1_distance_kernel(const Pairs pairs, int64_t pieces, double* totals) {
  for (int64_t piece = blockIdx.x; piece < pieces; piece += gridDim.x) {
    const int64_t left = pairs.quads() - piece * kQuads, end = piece * kQuads + (left < kQuads ? left : kQuads);
    float sum = 0;
#pragma unroll 4
    for (int64_t quad = piece * kQuads + threadIdx.x; quad < end; quad += kThreads) {
      float x[kWidth], y[kWidth];
      pairs.load(quad * kWidth, x, y);
      for (int i = 0; i < kWidth; ++i) sum += fabsf(x[i] - y[i]);
    }
    const double total = BlockGroup::reduce(static_cast<double>(sum), Add());
    if (threadIdx.x == 0) totals[piece] = total;
  }
}

// The gradient by a of the mean distance times *gy.
__global__ void l1_distance_grad_kernel(const Pairs pairs, const float* gy, const Numbers ga, bool in_fours) {
  const auto scale = static_cast<float>(*gy / static_cast<double>(pairs.count));
  for (int64_t quad = first_unit(); quad < pairs.quads(); quad += unit_step()) {
    float x[kWidth], y[kWidth];
    const int count = pairs.load(quad * kWidth, x, y);
    for (int i = 0; i < kWidth; ++i) x[i] = x[i] < y[i] ? -scale : y[i] < x[i] ? scale : 0.f;
    if (in_fours && count == kWidth) {
      ga.store<kWidth>(quad * kWidth, x);
    } else {
      for (int i = 0; i < count; ++i) ga.store<1>(quad * kWidth + i, x + i);
    }
  }
}

// ---- launchers ----

void l1_distance(const KernelContext& context) {
  const Pairs pairs(context);
  const int64_t pieces = (pairs.quads() + kQuads - 1) / kQuads;
  const Scratch scratch(context, pieces * sizeof(double));
  auto* totals = static_cast<double*>(scratch.data());
  launch_blocks(context, l1_distance_kernel, pieces, kThreads, pairs, pieces, totals);
  mean_of_totals(context, totals, pieces, static_cast<double>(pairs.count), context.out(0).f32());
}

void l1_distance_grad(const KernelContext& context) {
  const Pairs pairs(context);
  const Numbers ga(context.out(0));
  launch_threads(context, l1_distance_grad_kernel, pairs.quads(), pairs, context.in(2).f32(), ga, are_in_fours(ga));
}

}  // namespace

void register_distance_cuda(KernelTable& table) {
  table.add("l1_distance", l1_distance);
  table.add("l1_distance_grad", l1_distance_grad);
  table.takes_bf16("l1_distance", {.inputs = 1 << 0 | 1 << 1});
  table.takes_bf16("l1_distance_grad", {.inputs = 1 << 0 | 1 << 1, .outputs = 1 << 0});
}

}  // namespace lmspt::cuda
