// The ops of layout.cc on CUDA: one thread for each element written, or for four neighbours. Index is int32_t where
// that holds all positions.
#include "device/cuda/launch.h"
#include "ops/layout/copy_cuda.h"

namespace lmspt::cuda {

namespace {

// ---- kernels ----

__global__ void to_integer_kernel(const float* x, int32_t* out, int64_t count) {
  for (int64_t i = first_unit(); i < count; i += unit_step()) {
    const bool fits = x[i] > -2147483520.f && x[i] < 2147483520.f;
    out[i] = fits ? static_cast<int32_t>(rintf(x[i])) : 0;
  }
}

// `rows` rows of `width` words, each row a pitch after the one before.
template <class Word, class Index>
__global__ void copy_rows_kernel(const Word* x, int64_t x_pitch, Word* out, int64_t out_pitch, int64_t rows,
                                 int64_t width) {
  for (int64_t i = first_unit(); i < rows * width; i += unit_step()) {
    const Index row = static_cast<Index>(i) / static_cast<Index>(width);
    const int64_t column = i - row * width;
    out[row * out_pitch + column] = x[row * x_pitch + column];
  }
}

constexpr int kMostParts = 16;
constexpr int64_t kNarrow = 64;  // words of a row that is joined in one kernel

struct Parts {
  const int32_t* data[kMostParts];
  int width[kMostParts];
};

// Rows of `width` words, made of one of each part.
__global__ void join_kernel(Parts parts, int width, int32_t* out, int64_t count) {
  for (int64_t i = first_unit(); i < count; i += unit_step()) {
    const int64_t row = i / width;
    int column = static_cast<int>(i - row * width), part = 0;
    while (column >= parts.width[part]) column -= parts.width[part++];
    out[i] = parts.data[part][row * parts.width[part] + column];
  }
}

struct Padding {
  int64_t length;  // of the axis without padding
  int64_t padded;
  int64_t before;
  int64_t inner;  // elements of one step along the axis
};

template <class Index>
__global__ void pad_kernel(Padding p, bool reflect, const int32_t* x, int32_t* out, int64_t count) {
  const Index inner = static_cast<Index>(p.inner), padded = static_cast<Index>(p.padded);
  for (int64_t i = first_unit(); i < count; i += unit_step()) {
    const Index step = static_cast<Index>(i) / inner, row = step / padded;
    const int64_t column = i - step * p.inner;
    int64_t at = step - row * p.padded - p.before;
    if (reflect) at = at < 0 ? -at : (at >= p.length ? 2 * (p.length - 1) - at : at);
    const bool inside = at >= 0 && at < p.length;
    out[i] = inside ? x[(row * p.length + at) * p.inner + column] : 0;
  }
}

// An element gathers itself, then its image before the start, then its image after the end.
__global__ void pad_reflect_grad_kernel(Padding p, const float* gy, float* gx, int64_t count) {
  for (int64_t i = first_unit(); i < count; i += unit_step()) {
    const int64_t column = i % p.inner, row = i / p.inner / p.length, at = i / p.inner % p.length;
    const float* source = gy + row * p.padded * p.inner + column;
    float sum = source[(p.before + at) * p.inner];
    if (at >= 1 && at <= p.before) sum += source[(p.before - at) * p.inner];
    const int64_t image = p.before + 2 * (p.length - 1) - at;
    if (at < p.length - 1 && image < p.padded) sum += source[image * p.inner];
    gx[i] = sum;
  }
}

// ---- launchers ----

void to_integer(const KernelContext& context) {
  const int64_t count = context.out(0).shape.count();
  launch_threads(context, to_integer_kernel, count, context.in(0).f32(), context.out(0).i32(), count);
}

void transpose(const KernelContext& context) {
  run_copy(context, plan_transpose(context.in(0).shape, context.attrs->at("order")));
}

void broadcast_to(const KernelContext& context) {
  run_copy(context, plan_repeat(context.in(0).shape, context.out(0).shape));
}

int axis_of(const KernelContext& context) { return static_cast<int>(context.attrs->i("axis")); }

void copy_rows(const KernelContext& context, const int32_t* x, int64_t x_pitch, int32_t* out, int64_t out_pitch,
               int64_t rows, int64_t width) {
  const int64_t addresses = static_cast<int64_t>(reinterpret_cast<uintptr_t>(x) | reinterpret_cast<uintptr_t>(out));
  if (addresses % sizeof(uint4) == 0 && (x_pitch | out_pitch | width) % 4 == 0 && fits_int(rows * width)) {
    launch_threads(context, copy_rows_kernel<uint4, int32_t>, rows * width / 4, reinterpret_cast<const uint4*>(x),
                   x_pitch / 4, reinterpret_cast<uint4*>(out), out_pitch / 4, rows, width / 4);
    return;
  }
  launch_threads(context,
                 fits_int(rows * width) ? copy_rows_kernel<int32_t, int32_t> : copy_rows_kernel<int32_t, int64_t>,
                 rows * width, x, x_pitch, out, out_pitch, rows, width);
}

void slice(const KernelContext& context) {
  const int axis = axis_of(context);
  const Tensor x = context.in(0), out = context.out(0);
  const int64_t width = out.shape.count_from(axis);
  copy_rows(context, words(x) + context.attrs->i("start") * x.shape.count_from(axis + 1), x.shape.count_from(axis),
            words(out), width, x.shape.count_before(axis), width);
}

void concat(const KernelContext& context) {
  const int axis = axis_of(context);
  const Tensor out = context.out(0);
  const int64_t joined = out.shape.count_from(axis);
  if (context.input_count > 1 && context.input_count <= kMostParts && joined <= kNarrow) {
    Parts parts{};
    for (int i = 0; i < context.input_count; ++i) {
      parts.data[i] = words(context.in(i));
      parts.width[i] = static_cast<int>(context.in(i).shape.count_from(axis));
    }
    const int64_t count = out.shape.count();
    launch_threads(context, join_kernel, count, parts, joined, words(out), count);
    return;
  }
  int32_t* target = words(out);
  for (int i = 0; i < context.input_count; ++i) {
    const Tensor x = context.in(i);
    const int64_t width = x.shape.count_from(axis);
    copy_rows(context, words(x), width, target, joined, x.shape.count_before(axis), width);
    target += width;
  }
}

Padding padding_of(const KernelContext& context, const Shape& bare, const Shape& padded) {
  const int axis = axis_of(context);
  return {bare[axis], padded[axis], context.attrs->i("before"), bare.count_from(axis + 1)};
}

void pad(const KernelContext& context) {
  const Tensor x = context.in(0), out = context.out(0);
  const int64_t count = out.shape.count();
  launch_threads(context, fits_int(count) ? pad_kernel<int32_t> : pad_kernel<int64_t>, count,
                 padding_of(context, x.shape, out.shape), context.attrs->b("reflect"), words(x), words(out), count);
}

void pad_reflect_grad(const KernelContext& context) {
  const Tensor gy = context.in(0), gx = context.out(0);
  const int64_t count = gx.shape.count();
  launch_threads(context, pad_reflect_grad_kernel, count, padding_of(context, gx.shape, gy.shape), gy.f32(), gx.f32(),
                 count);
}

}  // namespace

void register_layout_cuda(KernelTable& table) {
  table.add("to_integer", to_integer);
  table.add("transpose", transpose);
  table.add("broadcast_to", broadcast_to);
  table.add("slice", slice);
  table.add("concat", concat);
  table.add("pad", pad);
  table.add("pad_reflect_grad", pad_reflect_grad);
}

}  // namespace lmspt::cuda
