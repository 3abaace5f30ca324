// Tensors are cut into blocks of one length, and all blocks of as many tensors as fit into a kernel's parameters are
// one launch: hundreds of tensors, of whatever sizes.
#include "device/cuda/groups.h"
#include "ops/optimizer/optimizer.h"

namespace lmspt::cuda {

namespace {

constexpr int64_t kBlock = 4096;  // elements
// Kernels take 4 KiB of parameters, and 32 KiB with the drivers that CUDA 13 needs.
constexpr size_t kTableBytes = CUDART_VERSION >= 13000 ? 32000 : 3900;

int64_t blocks_of(int64_t elements) { return (elements + kBlock - 1) / kBlock; }

// Some of the tensors of a call; a Part has `elements` and what a kernel wants to know of one.
template <class Part>
struct Table {
  static constexpr int kCapacity = kTableBytes / (sizeof(Part) + sizeof(int64_t));
  Part parts[kCapacity];
  int64_t first[kCapacity];  // block of every part, counted over all of them
  int64_t blocks;
  int count;

  void add(const Part& part) {
    parts[count] = part;
    first[count++] = blocks;
    blocks += blocks_of(part.elements);
  }

  __device__ int part_of(int64_t block) const {
    int low = 0, high = count;
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      (first[middle] <= block ? low : high) = middle;
    }
    return low;
  }
};

// Calls run(table) for every table full of parts, `part_at(i)` of them all.
template <class Part, class PartAt, class Run>
void each_table(int64_t parts, PartAt part_at, Run run) {
  Table<Part> table;
  for (int64_t i = 0; i < parts;) {
    table.count = 0;
    table.blocks = 0;
    for (; i < parts && table.count < Table<Part>::kCapacity; ++i) table.add(part_at(i));
    run(table);
  }
}

struct Squares {
  const float* x;
  int64_t elements;
};

struct Parameter {
  const float *p, *m, *v, *g;
  float *new_p, *new_m, *new_v;
  int64_t elements;
};

// What a step multiplies with, the same for all elements.
struct Adam {
  float beta1, beta2, decay, step_size, root_correction, epsilon, clip;
  bool finite;  // else everything stays as it is
};

struct AdamAttributes {
  double beta1, beta2, epsilon, weight_decay, max_norm;
};

// ---- kernels ----

// The sum of the squares of every block of the table.
__global__ void squares_kernel(const Table<Squares> table, double* sums) {
  for (int64_t block = blockIdx.x; block < table.blocks; block += gridDim.x) {
    const int part = table.part_of(block);
    const int64_t first = (block - table.first[part]) * kBlock, left = table.parts[part].elements - first;
    const float* x = table.parts[part].x + first;
    const double sum = sum_row<BlockGroup>(left < kBlock ? left : kBlock, [=](int64_t i) { return x[i] * x[i]; });
    if (threadIdx.x == 0) sums[block] = sum;
  }
}

// One block.
__global__ void root_kernel(const double* sums, int64_t count, float* out) {
  double total = 0;
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) total += sums[i];
  total = BlockGroup::reduce(total, Add());
  if (threadIdx.x == 0) *out = static_cast<float>(sqrt(total));
}

// One thread.
__global__ void prepare_kernel(AdamAttributes attributes, const float* rate, const float* step, const float* norm,
                               Adam* adam) {
  if (first_unit() != 0) return;
  const double length = *norm;
  const double share = attributes.max_norm == 0 ? 1 : attributes.max_norm / (length + 1e-6);
  adam->beta1 = static_cast<float>(attributes.beta1);
  adam->beta2 = static_cast<float>(attributes.beta2);
  adam->decay = static_cast<float>(1 - *rate * attributes.weight_decay);
  adam->step_size = static_cast<float>(*rate / (1 - pow(attributes.beta1, static_cast<double>(*step))));
  adam->root_correction = static_cast<float>(1 / sqrt(1 - pow(attributes.beta2, static_cast<double>(*step))));
  adam->epsilon = static_cast<float>(attributes.epsilon);
  adam->clip = static_cast<float>(share < 1 ? share : 1);
  adam->finite = length - length == 0;
}

__global__ void adamw_kernel(const Table<Parameter> table, const Adam* step) {
  const Adam adam = *step;
  for (int64_t block = blockIdx.x; block < table.blocks; block += gridDim.x) {
    const int part = table.part_of(block);
    const Parameter& tensor = table.parts[part];
    const int64_t first = (block - table.first[part]) * kBlock;
    const int64_t end = first + kBlock < tensor.elements ? first + kBlock : tensor.elements;
    for (int64_t i = first + threadIdx.x; i < end; i += blockDim.x) {
      const float p = tensor.p[i], m = tensor.m[i], v = tensor.v[i], gradient = tensor.g[i] * adam.clip;
      const float new_m = fmaf(m, adam.beta1, gradient * (1 - adam.beta1));
      const float new_v = fmaf(v, adam.beta2, gradient * gradient * (1 - adam.beta2));
      const float divisor = fmaf(sqrtf(new_v), adam.root_correction, adam.epsilon);
      tensor.new_m[i] = adam.finite ? new_m : m;
      tensor.new_v[i] = adam.finite ? new_v : v;
      tensor.new_p[i] = adam.finite ? p * adam.decay - adam.step_size * new_m / divisor : p;
    }
  }
}

// ---- launchers ----

void global_norm(const KernelContext& context) {
  int64_t blocks = 0;
  for (int i = 0; i < context.input_count; ++i) blocks += blocks_of(context.in(i).shape.count());
  const Scratch scratch(context, blocks * sizeof(double));
  auto* const sums = static_cast<double*>(scratch.data());
  const auto part_at = [&](int64_t i) {
    const Tensor x = context.in(static_cast<int>(i));
    return Squares{x.f32(), x.shape.count()};
  };
  double* next = sums;
  each_table<Squares>(context.input_count, part_at, [&](const Table<Squares>& table) {
    launch_blocks(context, squares_kernel, table.blocks, kThreads, table, next);
    next += table.blocks;
  });
  launch_blocks(context, root_kernel, 1, kThreads, sums, blocks, context.out(0).f32());
}

void adamw(const KernelContext& context) {
  const Attrs& attrs = *context.attrs;
  const AdamAttributes attributes{attrs.f("beta1"), attrs.f("beta2"), attrs.f("epsilon"), attrs.f("weight_decay"),
                                  attrs.f("max_norm")};
  const Scratch scratch(context, sizeof(Adam));
  auto* adam = static_cast<Adam*>(scratch.data());
  launch_blocks(context, prepare_kernel, 1, kWarp, attributes, context.in(0).f32(), context.in(1).f32(),
                context.in(2).f32(), adam);
  const auto part_at = [&](int64_t i) {
    const int tensor = static_cast<int>(i);
    const auto in = [&](int k) { return context.in(kAdamwScalars + tensor * kAdamwInputs + k); };
    const auto out = [&](int k) { return context.out(tensor * kAdamwOutputs + k).f32(); };
    return Parameter{in(0).f32(), in(1).f32(), in(2).f32(), in(3).f32(), out(0), out(1), out(2), in(0).shape.count()};
  };
  each_table<Parameter>(context.output_count / kAdamwOutputs, part_at, [&](const Table<Parameter>& table) {
    launch_blocks(context, adamw_kernel, table.blocks, kThreads, table, adam);
  });
}

}  // namespace

void register_optimizer_cuda(KernelTable& table) {
  table.add("global_norm", global_norm);
  table.add("adamw", adamw);
}

}  // namespace lmspt::cuda
