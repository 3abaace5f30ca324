// A group of threads takes a row of v; sums are in double precision, which tiny and huge rows need.
#include "device/cuda/groups.h"

namespace lmspt::cuda {

namespace {

// ---- kernels ----

template <class Group>
__global__ void weight_norm_kernel(int64_t rows, int64_t size, const float* v, const float* g, float* w) {
  for (int64_t row = Group::first_row(); row < rows; row += Group::row_step()) {
    const float* source = v + row * size;
    const double scale = g[row] / sqrt(dot_row<Group>(source, source, size));
    for (int64_t i = Group::rank(); i < size; i += Group::size()) {
      w[row * size + i] = static_cast<float>(source[i] * scale);
    }
  }
}

// gg = <gy, v> / |v|; gv = g / |v| (gy - v <gy, v> / |v|^2)
template <class Group>
__global__ void weight_norm_grad_kernel(int64_t rows, int64_t size, const float* v, const float* g, const float* gy,
                                        float* gv, float* gg) {
  for (int64_t row = Group::first_row(); row < rows; row += Group::row_step()) {
    const float *source = v + row * size, *gradient = gy + row * size;
    const double square = dot_row<Group>(source, source, size), norm = sqrt(square);
    const double along = dot_row<Group>(gradient, source, size), scale = g[row] / norm, share = along / square;
    if (Group::rank() == 0) gg[row] = static_cast<float>(along / norm);
    for (int64_t i = Group::rank(); i < size; i += Group::size()) {
      gv[row * size + i] = static_cast<float>(scale * (gradient[i] - source[i] * share));
    }
  }
}

// ---- launchers ----

void weight_norm(const KernelContext& context) {
  const Tensor v = context.in(0), g = context.in(1);
  const int64_t rows = v.shape[0], size = v.shape.count_from(1);
  launch_rows(context, weight_norm_kernel<WarpGroup>, weight_norm_kernel<BlockGroup>, rows, size, rows, size, v.f32(),
              g.f32(), context.out(0).f32());
}

void weight_norm_grad(const KernelContext& context) {
  const Tensor v = context.in(0), g = context.in(1), gy = context.in(2);
  const int64_t rows = v.shape[0], size = v.shape.count_from(1);
  launch_rows(context, weight_norm_grad_kernel<WarpGroup>, weight_norm_grad_kernel<BlockGroup>, rows, size, rows, size,
              v.f32(), g.f32(), gy.f32(), context.out(0).f32(), context.out(1).f32());
}

}  // namespace

void register_weight_norm_cuda(KernelTable& table) {
  table.add("weight_norm", weight_norm);
  table.add("weight_norm_grad", weight_norm_grad);
}

}  // namespace lmspt::cuda
