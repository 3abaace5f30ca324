// Reductions on CUDA. A long reduction is cut into segments whose results are reduced in turn. The order depends on the
// reduced length alone: not on the rest of the shape, not on the GPU.
#include <type_traits>

#include "device/cuda/instructions.h"
#include "device/cuda/launch.h"
#include "ops/reduce/extent.h"

namespace lmspt::cuda {

namespace {

constexpr int64_t kRowSegment = 16384;   // neighbouring elements that one block reduces
constexpr int64_t kColumnSegment = 256;  // elements `inner` apart that one thread reduces
constexpr int64_t kShortRow = 16;        // the longest of rows that one thread reduces
constexpr int kAhead = 16;               // elements that a thread reads before it reduces the first

struct Sum {
  using Value = double;
  static __device__ Value start() { return 0; }
  static __device__ Value join(Value a, Value b) { return a + b; }
  static __device__ Value finish(Value value, double scale) { return value * scale; }
};

// A NaN anywhere makes the result NaN.
struct Max {
  using Value = float;
  static __device__ Value start() { return -INFINITY; }
  static __device__ Value join(Value a, Value b) { return b > a || b != b ? b : a; }
  static __device__ Value finish(Value value, double) { return value; }
};

// One stage: `outer` rows of `reduced` elements, each cut into segments; one result for each segment.
struct Stage {
  int64_t outer, reduced, inner, segment, segments;
};

Stage make_stage(int64_t outer, int64_t reduced, int64_t inner) {
  const int64_t segment = inner == 1 ? kRowSegment : kColumnSegment;
  return {outer, reduced, inner, segment, std::max<int64_t>(1, (reduced + segment - 1) / segment)};
}

// ---- kernels ----

// Reduces one value of each thread; the result is thread 0's. blockDim.x is a power of two.
template <class Op>
__device__ typename Op::Value reduce_block(typename Op::Value value) {
  __shared__ typename Op::Value values[kThreads];
  values[threadIdx.x] = value;
  __syncthreads();
  for (unsigned width = blockDim.x / 2; width > 0; width /= 2) {
    if (threadIdx.x < width) values[threadIdx.x] = Op::join(values[threadIdx.x], values[threadIdx.x + width]);
    __syncthreads();
  }
  return values[0];
}

// bf16 numbers as a pointer would give them.
struct Halves {
  const uint16_t* data;
  __device__ Halves operator+(int64_t offset) const { return {data + offset}; }
  __device__ float operator[](int64_t i) const { return low_of_bf16(data[i]); }
};

// Reduces every `step`th element from `first` to before `end`, in order. Some are read ahead, without branches, so that
// no read waits for another.
template <class Op, class Source>
__device__ typename Op::Value reduce_run(const Source& x, int64_t first, int64_t end, int64_t step) {
  typename Op::Value value = Op::start();
  for (int64_t i = first; i < end; i += kAhead * step) {
    std::decay_t<decltype(x[i])> ahead[kAhead];
#pragma unroll
    for (int n = 0; n < kAhead; ++n) ahead[n] = x[i + n * step < end ? i + n * step : i];
#pragma unroll
    for (int n = 0; n < kAhead; ++n) {
      if (i + n * step < end) value = Op::join(value, ahead[n]);
    }
  }
  return value;
}

// inner is 1: a block for each segment.
template <class Op, class Source, class Target>
__global__ void rows_kernel(Stage stage, Source x, Target* out, double scale) {
  for (int64_t unit = blockIdx.x; unit < stage.outer * stage.segments; unit += gridDim.x) {
    const int64_t row = unit / stage.segments, first = unit % stage.segments * stage.segment;
    const int64_t length = stage.reduced - first < stage.segment ? stage.reduced - first : stage.segment;
    const Source source = x + row * stage.reduced + first;
    const typename Op::Value value = reduce_block<Op>(reduce_run<Op>(source, threadIdx.x, length, blockDim.x));
    if (threadIdx.x == 0) out[unit] = static_cast<Target>(Op::finish(value, scale));
    __syncthreads();  // before the next unit writes what this one still reads
  }
}

// A thread for each segment of each column, or for each short row.
template <class Op, class Source, class Target>
__global__ void columns_kernel(Stage stage, Source x, Target* out, double scale) {
  const int64_t units = stage.outer * stage.segments * stage.inner;
  for (int64_t unit = first_unit(); unit < units; unit += unit_step()) {
    const int64_t column = unit % stage.inner, row = unit / stage.inner / stage.segments;
    const int64_t first = unit / stage.inner % stage.segments * stage.segment;
    const int64_t last = first + stage.segment < stage.reduced ? first + stage.segment : stage.reduced;
    const Source source = x + row * stage.reduced * stage.inner + column;
    const typename Op::Value value = reduce_run<Op>(source, first * stage.inner, last * stage.inner, stage.inner);
    out[unit] = static_cast<Target>(Op::finish(value, scale));
  }
}

// ---- launchers ----

// A power of two from a warp to kThreads, so that short rows do not keep idle threads.
int threads_for(int64_t length) {
  int threads = 32;
  while (threads < kThreads && threads < length) threads *= 2;
  return threads;
}

template <class Op, class Source, class Target>
void run_stage(const KernelContext& context, const Stage& stage, Source x, Target* out, double scale) {
  const int64_t results = stage.outer * stage.segments * stage.inner;
  if (stage.inner == 1 && stage.reduced > kShortRow) {
    launch_blocks(context, rows_kernel<Op, Source, Target>, results, threads_for(stage.reduced), stage, x, out, scale);
  } else {
    launch_threads(context, columns_kernel<Op, Source, Target>, results, stage, x, out, scale);
  }
}

template <class Op, class Source>
void reduce(const KernelContext& context, const Stage& stage, Source x, double scale) {
  using Value = typename Op::Value;
  if (stage.segments == 1) {
    run_stage<Op>(context, stage, x, context.out(0).f32(), scale);
    return;
  }
  const Scratch scratch(context, stage.outer * stage.segments * stage.inner * sizeof(Value));
  Value* partial = static_cast<Value*>(scratch.data());
  run_stage<Op>(context, stage, x, partial, 1.0);
  reduce<Op, const Value*>(context, make_stage(stage.outer, stage.segments, stage.inner), partial, scale);
}

template <class Op>
void reduce_input(const KernelContext& context, double scale) {
  const Extent extent = extent_of(context);
  if (context.out(0).shape.count() == 0) return;
  const Stage stage = make_stage(extent.outer, extent.reduced, extent.inner);
  const Tensor x = context.in(0);
  if (x.dtype == DType::bf16) {
    reduce<Op, Halves>(context, stage, {static_cast<const uint16_t*>(x.data)}, scale);
  } else {
    reduce<Op, const float*>(context, stage, x.f32(), scale);
  }
}

void reduce_sum(const KernelContext& context) { reduce_input<Sum>(context, 1.0); }
void reduce_mean(const KernelContext& context) {
  reduce_input<Sum>(context, 1.0 / static_cast<double>(extent_of(context).reduced));
}
void reduce_max(const KernelContext& context) { reduce_input<Max>(context, 1.0); }

}  // namespace

void register_reduce_cuda(KernelTable& table) {
  table.add("sum", reduce_sum);
  table.add("mean", reduce_mean);
  table.add("max", reduce_max);
  for (const char* op : {"sum", "mean", "max"}) table.takes_bf16(op, {.inputs = 1 << 0});
}

}  // namespace lmspt::cuda
