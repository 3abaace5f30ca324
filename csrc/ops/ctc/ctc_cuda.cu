// Three steps: the normalizer of every frame (a group of threads each), the paths of every item (a block each, a thread
// for each state, frame by frame), and for the gradient every frame's classes (a warp each). As on the CPU, sums over
// paths are logarithms in double precision, and states are blank, label, blank, label ... blank.
#include "device/cuda/softmax.h"

namespace lmspt::cuda {

namespace {

struct Items {
  const float* logits;
  const int32_t* targets;
  int64_t count, frames, classes, most_labels, blank;

  __host__ __device__ int64_t most_states() const { return 2 * most_labels + 1; }
};

Items items_of(const KernelContext& context) {
  const Tensor logits = context.in(0), targets = context.in(1);
  return {logits.f32(),    targets.i32(),    logits.shape[0],          logits.shape[1],
          logits.shape[2], targets.shape[1], context.attrs->i("blank")};
}

struct Item {
  const float* logits;
  const int32_t* labels;
  const double* normalizers;
  int64_t classes, blank, length;

  __device__ int64_t states() const { return 2 * length + 1; }
  __device__ int64_t symbol(int64_t state) const { return state % 2 ? labels[state / 2] : blank; }
  __device__ double emission(int64_t t, int64_t state) const {
    return logits[t * classes + symbol(state)] - normalizers[t];
  }
  // Whether a path may go on from the state before the one before: not past a blank that has to stand.
  __device__ bool may_skip(int64_t state) const {
    return state % 2 && state >= 3 && labels[state / 2] != labels[state / 2 - 1];
  }
};

// What the paths of an item come to.
struct Outcome {
  double log_probability;  // NaN where a label is none, minus infinity where the labels do not fit
  int64_t length;

  // The factor of the item's loss in the mean of all.
  __device__ double share(int64_t items) const {
    return 1.0 / (static_cast<double>(items) * (length > 0 ? length : 1));
  }
};

__device__ double log_of_sum(double a, double b) {
  const double high = a > b ? a : b;
  if (high == -INFINITY) return high;
  return high + log1p(exp((a > b ? b : a) - high));
}

struct LeastOf {
  __device__ int operator()(int a, int b) const { return b < a ? b : a; }
};

// The number of labels in front of the first negative number. Called by a whole block.
__device__ int64_t count_labels(const Items& items, const int32_t* labels) {
  int length = static_cast<int>(items.most_labels);
  for (int i = threadIdx.x; i < items.most_labels; i += blockDim.x) {
    if (labels[i] < 0 && i < length) length = i;
  }
  return BlockGroup::reduce(length, LeastOf());
}

__device__ bool has_valid_labels(const Items& items, const int32_t* labels, int64_t length) {
  int valid = 1;
  for (int64_t i = threadIdx.x; i < length; i += blockDim.x) {
    if (labels[i] >= items.classes || labels[i] == items.blank) valid = 0;
  }
  return BlockGroup::reduce(valid, LeastOf());
}

// ---- kernels ----

// The logarithm of the sum of the exponentials of every frame's logits, (B, T).
template <class Group>
__global__ void normalizers_kernel(Items items, double* normalizers) {
  for (int64_t row = Group::first_row(); row < items.count * items.frames; row += Group::row_step()) {
    const ExponentialSum sum = sum_exponentials<Group>(items.logits + row * items.classes, items.classes);
    if (Group::rank() == 0) normalizers[row] = sum.top + log(sum.total);
  }
}

// alpha of a frame: all paths that are in a state, this frame's symbol included. `before` is that of the frame before.
__device__ void step_forward(const Item& item, int64_t t, const double* before, double* now) {
  for (int64_t s = threadIdx.x; s < item.states(); s += blockDim.x) {
    if (t == 0) {
      now[s] = s < 2 ? item.emission(t, s) : -INFINITY;
      continue;
    }
    double sum = before[s];
    if (s >= 1) sum = log_of_sum(sum, before[s - 1]);
    if (item.may_skip(s)) sum = log_of_sum(sum, before[s - 2]);
    now[s] = sum + item.emission(t, s);
  }
}

// beta of a frame: all ways from a state to the end, this frame's symbol not included. `later` is that of the frame
// behind, with its symbols.
__device__ double step_back(const Item& item, int64_t s, const double* later) {
  double sum = later[s];
  if (s + 1 < item.states()) sum = log_of_sum(sum, later[s + 1]);
  if (s + 2 < item.states() && item.may_skip(s + 2)) sum = log_of_sum(sum, later[s + 2]);
  return sum;
}

__device__ double total_of(const Item& item, int64_t frames, const double* last) {
  if (frames == 0) return item.length == 0 ? 0 : -INFINITY;
  const int64_t states = item.states();
  return states == 1 ? last[0] : log_of_sum(last[states - 1], last[states - 2]);
}

// alpha (B, rows of it kept, states): T rows for the gradient, 2 in turn for the loss. For the gradient it becomes the
// share of all paths that are in a state at a frame; later (B, 2, states).
__global__ void paths_kernel(Items items, const double* normalizers, int64_t kept, double* alpha, double* later,
                             Outcome* outcomes) {
  const int64_t width = items.most_states();
  for (int64_t index = blockIdx.x; index < items.count; index += gridDim.x) {
    const int32_t* labels = items.targets + index * items.most_labels;
    const int64_t length = count_labels(items, labels);
    const bool valid = has_valid_labels(items, labels, length);
    const Item item{items.logits + index * items.frames * items.classes,
                    labels,
                    normalizers + index * items.frames,
                    items.classes,
                    items.blank,
                    length};
    double* mine = alpha + index * kept * width;
    if (valid) {
      for (int64_t t = 0; t < items.frames; ++t) {
        step_forward(item, t, mine + (t + kept - 1) % kept * width, mine + t % kept * width);
        __syncthreads();
      }
    }
    const double total = valid ? total_of(item, items.frames, mine + (items.frames + kept - 1) % kept * width) : NAN;
    if (threadIdx.x == 0) outcomes[index] = {total, length};
    if (!later || !valid || total == -INFINITY) continue;  // of the whole block
    __syncthreads();                                       // before the last frame of alpha is overwritten
    for (int64_t t = items.frames - 1; t >= 0; --t) {
      const double* behind = later + (2 * index + (t + 1) % 2) * width;
      double* now = later + (2 * index + t % 2) * width;
      for (int64_t s = threadIdx.x; s < item.states(); s += blockDim.x) {
        const bool last = t == items.frames - 1;
        const double beta = last ? (s + 2 >= item.states() ? 0 : -INFINITY) : step_back(item, s, behind);
        mine[t * width + s] = exp(mine[t * width + s] + beta - total);
        now[s] = beta + item.emission(t, s);
      }
      __syncthreads();
    }
  }
}

// One block.
__global__ void mean_loss_kernel(int64_t items, const Outcome* outcomes, float* out) {
  double total = 0;
  for (int64_t index = threadIdx.x; index < items; index += blockDim.x) {
    const Outcome outcome = outcomes[index];
    if (outcome.log_probability != -INFINITY) total -= outcome.log_probability * outcome.share(items);
  }
  total = BlockGroup::reduce(total, Add());
  if (threadIdx.x == 0) *out = static_cast<float>(total);
}

// For every label of every item the next place of the same label, or the number of labels; and whether it is the first
// of its kind: next, first (B, L).
__global__ void repetitions_kernel(Items items, const Outcome* outcomes, int32_t* next, int32_t* first) {
  for (int64_t unit = first_unit(); unit < items.count * items.most_labels; unit += unit_step()) {
    const int64_t index = unit / items.most_labels, place = unit % items.most_labels;
    const int32_t* labels = items.targets + index * items.most_labels;
    const int64_t length = outcomes[index].length;
    int64_t later = place + 1, earlier = place - 1;
    while (later < length && labels[later] != labels[place]) ++later;
    while (earlier >= 0 && labels[earlier] != labels[place]) --earlier;
    next[unit] = static_cast<int32_t>(later);
    first[unit] = place < length && earlier < 0;
  }
}

// gx = scale (softmax(x) - the share of all paths that are at a class). A warp takes a frame.
__global__ void gradient_kernel(Items items, const double* normalizers, const double* shares, const Outcome* outcomes,
                                const int32_t* next, const int32_t* first, const float* gy, float* gx) {
  for (int64_t row = WarpGroup::first_row(); row < items.count * items.frames; row += WarpGroup::row_step()) {
    const int64_t index = row / items.frames;
    const Outcome outcome = outcomes[index];
    const bool invalid = outcome.log_probability != outcome.log_probability;
    const bool impossible = outcome.log_probability == -INFINITY;
    const double scale = *gy * outcome.share(items.count);
    float* gradient = gx + row * items.classes;
    for (int64_t i = WarpGroup::rank(); i < items.classes; i += kWarp) {
      const double own = exp(items.logits[row * items.classes + i] - normalizers[row]);
      gradient[i] = invalid ? NAN : (impossible ? 0.f : static_cast<float>(scale * own));
    }
    if (invalid || impossible) continue;
    const double* share = shares + row * items.most_states();
    double blank = 0;
    for (int64_t place = WarpGroup::rank(); place <= outcome.length; place += kWarp) blank += share[2 * place];
    blank = WarpGroup::reduce(blank, Add());
    __syncwarp();  // the classes are written
    if (WarpGroup::rank() == 0) gradient[items.blank] -= static_cast<float>(scale * blank);
    for (int64_t place = WarpGroup::rank(); place < outcome.length; place += kWarp) {
      const int64_t at = index * items.most_labels;
      if (!first[at + place]) continue;
      double sum = 0;
      for (int64_t other = place; other < outcome.length; other = next[at + other]) sum += share[2 * other + 1];
      gradient[items.targets[at + place]] -= static_cast<float>(scale * sum);
    }
  }
}

// ---- launchers ----

int threads_for(int64_t states) {
  int threads = kWarp;
  while (threads < kThreads && threads < states) threads *= 2;
  return threads;
}

void find_normalizers(const KernelContext& context, const Items& items, double* normalizers) {
  launch_rows(context, normalizers_kernel<WarpGroup>, normalizers_kernel<BlockGroup>, items.count * items.frames,
              items.classes, items, normalizers);
}

void ctc_loss(const KernelContext& context) {
  const Items items = items_of(context);
  const Scratch normalizers_scratch(context, items.count * items.frames * sizeof(double));
  const Scratch alpha_scratch(context, items.count * 2 * items.most_states() * sizeof(double));
  const Scratch outcomes_scratch(context, items.count * sizeof(Outcome));
  auto* normalizers = static_cast<double*>(normalizers_scratch.data());
  auto* outcomes = static_cast<Outcome*>(outcomes_scratch.data());
  find_normalizers(context, items, normalizers);
  launch_blocks(context, paths_kernel, items.count, threads_for(items.most_states()), items, normalizers, 2,
                static_cast<double*>(alpha_scratch.data()), nullptr, outcomes);
  launch_blocks(context, mean_loss_kernel, 1, kThreads, items.count, outcomes, context.out(0).f32());
}

void ctc_loss_grad(const KernelContext& context) {
  const Items items = items_of(context);
  const int64_t labels = items.count * items.most_labels, rows = items.count * items.frames;
  if (rows * items.classes == 0) return;
  const Scratch normalizers_scratch(context, rows * sizeof(double));
  const Scratch alpha_scratch(context, rows * items.most_states() * sizeof(double));
  const Scratch later_scratch(context, items.count * 2 * items.most_states() * sizeof(double));
  const Scratch outcomes_scratch(context, items.count * sizeof(Outcome));
  const Scratch places_scratch(context, 2 * labels * sizeof(int32_t));
  auto* normalizers = static_cast<double*>(normalizers_scratch.data());
  auto* alpha = static_cast<double*>(alpha_scratch.data());
  auto* outcomes = static_cast<Outcome*>(outcomes_scratch.data());
  auto* next = static_cast<int32_t*>(places_scratch.data());
  int32_t* first = next + labels;
  find_normalizers(context, items, normalizers);
  launch_blocks(context, paths_kernel, items.count, threads_for(items.most_states()), items, normalizers, items.frames,
                alpha, static_cast<double*>(later_scratch.data()), outcomes);
  launch_threads(context, repetitions_kernel, labels, items, outcomes, next, first);
  launch_blocks(context, gradient_kernel, (rows * kWarp + kThreads - 1) / kThreads, kThreads, items, normalizers, alpha,
                outcomes, next, first, context.in(2).f32(), context.out(0).f32());
}

}  // namespace

void register_ctc_cuda(KernelTable& table) {
  table.add("ctc_loss", ctc_loss);
  table.add("ctc_loss_grad", ctc_loss_grad);
}

}  // namespace lmspt::cuda
