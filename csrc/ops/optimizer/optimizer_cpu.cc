// Tensors are cut into blocks, which are shared out: small tensors cost no more than their elements.
#include <math.h>
#include <string.h>

#include "device/cpu/rows.h"
#include "device/cpu/thread_pool.h"
#include "device/kernel.h"
#include "ops/optimizer/optimizer.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kBlock = 16 * 1024;  // elements of one task

int64_t blocks_of(const Tensor& tensor) { return (tensor.shape.count() + kBlock - 1) / kBlock; }

// Where the blocks of every `stride`-th input begin, counted over all of them; the last entry is their number.
struct Blocks {
  const int64_t* first;
  int64_t tensors;

  int64_t count() const { return first[tensors]; }
  int64_t tensor_of(int64_t block) const {
    int64_t low = 0, high = tensors;
    while (high - low > 1) {
      const int64_t middle = (low + high) / 2;
      (first[middle] <= block ? low : high) = middle;
    }
    return low;
  }
};

Blocks count_blocks(const KernelContext& context, int first_input, int stride, int64_t* first) {
  int64_t tensors = 0;
  first[0] = 0;
  for (int i = first_input; i < context.input_count; i += stride, ++tensors) {
    first[tensors + 1] = first[tensors] + blocks_of(context.in(i));
  }
  return {first, tensors};
}

// ---- kernels ----

struct Adam {
  float beta1, beta2, decay, step_size, root_correction, epsilon, clip;

  void run(const float* p, const float* m, const float* v, const float* g, int64_t count, float* new_p, float* new_m,
           float* new_v) const {
    for (int64_t i = 0; i < count; i += kLanes) {
      const int64_t left = count - i;
      const Vec gradient = load_left(g + i, left) * broadcast(clip);
      const Vec first = fma(load_left(m + i, left), broadcast(beta1), gradient * broadcast(1 - beta1));
      const Vec second = fma(load_left(v + i, left), broadcast(beta2), gradient * gradient * broadcast(1 - beta2));
      const Vec divisor = fma(sqrt(second), broadcast(root_correction), broadcast(epsilon));
      const Vec kept = load_left(p + i, left) * broadcast(decay);
      store_left(first, new_m + i, left);
      store_left(second, new_v + i, left);
      store_left(kept - broadcast(step_size) * first / divisor, new_p + i, left);
    }
  }
};

double sum_of_squares(const float* x, int64_t count) { return dot_row(x, x, count); }

// ---- launchers ----

// The caller is worker 0, and no task asks for scratch: its buffer holds what all tasks share.
void global_norm(const KernelContext& context) {
  const int64_t tensors = context.input_count;
  int64_t most = 0;
  for (int i = 0; i < tensors; ++i) most += blocks_of(context.in(i));
  auto* first = static_cast<int64_t*>(context.pool->scratch(0, (tensors + 1 + most) * sizeof(int64_t)));
  auto* sums = reinterpret_cast<double*>(first + tensors + 1);
  const Blocks blocks = count_blocks(context, 0, 1, first);
  parallel_for(context.pool, blocks.count(), [&](int64_t block, int) {
    const int64_t tensor = blocks.tensor_of(block), at = (block - blocks.first[tensor]) * kBlock;
    const Tensor x = context.in(static_cast<int>(tensor));
    const int64_t left = x.shape.count() - at;
    sums[block] = sum_of_squares(x.f32() + at, left < kBlock ? left : kBlock);
  });
  double total = 0;
  for (int64_t block = 0; block < blocks.count(); ++block) total += sums[block];
  *context.out(0).f32() = static_cast<float>(::sqrt(total));
}

// No change: what is not written in place is copied.
void keep(const KernelContext& context) {
  for (int i = 0; i < context.output_count; ++i) {
    const Tensor x = context.in(adamw_overwrites(i));
    if (x.data != context.out(i).data) memcpy(context.out(i).data, x.data, x.shape.count() * sizeof(float));
  }
}

Adam adam_of(const KernelContext& context, double norm) {
  const Attrs& attrs = *context.attrs;
  const double rate = *context.in(0).f32(), step = *context.in(1).f32();
  const double beta1 = attrs.f("beta1"), beta2 = attrs.f("beta2"), limit = attrs.f("max_norm");
  const double share = limit == 0 ? 1 : limit / (norm + 1e-6);
  return {static_cast<float>(beta1),
          static_cast<float>(beta2),
          static_cast<float>(1 - rate * attrs.f("weight_decay")),
          static_cast<float>(rate / (1 - ::pow(beta1, step))),
          static_cast<float>(1 / ::sqrt(1 - ::pow(beta2, step))),
          static_cast<float>(attrs.f("epsilon")),
          static_cast<float>(share < 1 ? share : 1)};
}

void adamw(const KernelContext& context) {
  const double norm = *context.in(2).f32();
  if (!(norm - norm == 0)) {
    keep(context);
    return;
  }
  const Adam adam = adam_of(context, norm);
  const int64_t tensors = context.output_count / kAdamwOutputs;
  auto* first = static_cast<int64_t*>(context.pool->scratch(0, (tensors + 1) * sizeof(int64_t)));
  const Blocks blocks = count_blocks(context, kAdamwScalars, kAdamwInputs, first);
  parallel_for(context.pool, blocks.count(), [&](int64_t block, int) {
    const int tensor = static_cast<int>(blocks.tensor_of(block));
    const int input = kAdamwScalars + tensor * kAdamwInputs, output = tensor * kAdamwOutputs;
    const int64_t at = (block - blocks.first[tensor]) * kBlock, left = context.in(input).shape.count() - at;
    const auto in = [&](int i) { return context.in(input + i).f32() + at; };
    const auto out = [&](int i) { return context.out(output + i).f32() + at; };
    adam.run(in(0), in(1), in(2), in(3), left < kBlock ? left : kBlock, out(0), out(1), out(2));
  });
}

}  // namespace

void register_optimizer_cpu(KernelTable& table) {
  table.add("global_norm", global_norm);
  table.add("adamw", adamw);
}

}  // namespace lmspt::LMSPT_ISA
