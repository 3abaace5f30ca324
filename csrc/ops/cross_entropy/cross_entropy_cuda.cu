// A group of threads takes a row and reads it once for the loss, twice for the gradient; a vocabulary may have any
// size.
#include "device/cuda/softmax.h"

namespace lmspt::cuda {

namespace {

struct Rows {
  const float* logits;
  const int32_t* targets;
  int64_t count, classes, ignore_index;

  __device__ bool counts(int64_t row) const { return targets[row] != ignore_index; }
  __device__ bool is_valid(int64_t row) const { return targets[row] >= 0 && targets[row] < classes; }
};

Rows rows_of(const KernelContext& context) {
  const Tensor logits = context.in(0);
  return {logits.f32(), context.in(1).i32(), logits.shape[0], logits.shape[1], context.attrs->i("ignore_index")};
}

// ---- kernels ----

template <class Group>
__global__ void row_losses_kernel(Rows rows, double* losses) {
  for (int64_t row = Group::first_row(); row < rows.count; row += Group::row_step()) {
    double loss = rows.counts(row) ? NAN : 0;
    if (rows.counts(row) && rows.is_valid(row)) {
      const float* x = rows.logits + row * rows.classes;
      const ExponentialSum sum = sum_exponentials<Group>(x, rows.classes);
      loss = log(sum.total) + (static_cast<double>(sum.top) - x[rows.targets[row]]);
    }
    if (Group::rank() == 0) losses[row] = loss;
  }
}

// The share of every row that counts. One block.
__device__ double weight_of_rows(const Rows& rows) {
  double counting = 0;
  for (int64_t row = threadIdx.x; row < rows.count; row += blockDim.x) counting += rows.counts(row);
  counting = BlockGroup::reduce(counting, Add());
  return counting > 0 ? 1 / counting : 0;
}

// One block.
__global__ void mean_loss_kernel(Rows rows, const double* losses, float* out) {
  double total = 0;
  for (int64_t row = threadIdx.x; row < rows.count; row += blockDim.x) total += losses[row];
  total = BlockGroup::reduce(total, Add());
  const double weight = weight_of_rows(rows);
  if (threadIdx.x == 0) *out = static_cast<float>(total * weight);
}

// One block.
__global__ void scale_kernel(Rows rows, const float* gy, double* scale) {
  const double weight = weight_of_rows(rows);
  if (threadIdx.x == 0) *scale = *gy * weight;
}

// gx = scale (softmax(x) - one at the target)
template <class Group>
__global__ void row_gradients_kernel(Rows rows, const double* scale, float* gx) {
  for (int64_t row = Group::first_row(); row < rows.count; row += Group::row_step()) {
    float* gradient = gx + row * rows.classes;
    if (!rows.counts(row) || !rows.is_valid(row)) {
      for (int64_t i = Group::rank(); i < rows.classes; i += Group::size()) gradient[i] = rows.counts(row) ? NAN : 0.f;
      continue;
    }
    const float* x = rows.logits + row * rows.classes;
    const ExponentialSum sum = sum_exponentials<Group>(x, rows.classes);
    const float factor = static_cast<float>(*scale / sum.total);
    for (int64_t i = Group::rank(); i < rows.classes; i += Group::size()) {
      const float share = exp_falling(x[i] - sum.top) * factor;
      gradient[i] = i == rows.targets[row] ? share - static_cast<float>(*scale) : share;
    }
  }
}

// ---- launchers ----

void cross_entropy(const KernelContext& context) {
  const Rows rows = rows_of(context);
  const Scratch scratch(context, rows.count * sizeof(double));
  auto* losses = static_cast<double*>(scratch.data());
  launch_rows(context, row_losses_kernel<WarpGroup>, row_losses_kernel<BlockGroup>, rows.count, rows.classes, rows,
              losses);
  launch_blocks(context, mean_loss_kernel, 1, kThreads, rows, losses, context.out(0).f32());
}

void cross_entropy_grad(const KernelContext& context) {
  const Rows rows = rows_of(context);
  const Scratch scratch(context, sizeof(double));
  auto* scale = static_cast<double*>(scratch.data());
  launch_blocks(context, scale_kernel, 1, kThreads, rows, context.in(2).f32(), scale);
  launch_rows(context, row_gradients_kernel<WarpGroup>, row_gradients_kernel<BlockGroup>, rows.count, rows.classes,
              rows, scale, context.out(0).f32());
}

}  // namespace

void register_cross_entropy_cuda(KernelTable& table) {
  table.add("cross_entropy", cross_entropy);
  table.add("cross_entropy_grad", cross_entropy_grad);
}

}  // namespace lmspt::cuda
