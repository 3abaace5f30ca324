#include <string.h>

#include "device/cpu/thread_pool.h"
#include "device/kernel.h"
#include "ops/layout/copy_plan.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kElementsPerTask = 16384;

// All element types are four bytes wide; they are moved as such.
int32_t* words(const Tensor& tensor) { return static_cast<int32_t*>(tensor.data); }

// ---- kernels ----

void copy_run(const int32_t* x, int64_t stride, int64_t count, int32_t* out) {
  if (stride == 1) {
    memcpy(out, x, count * sizeof(int32_t));
  } else {
    for (int64_t i = 0; i < count; ++i) out[i] = x[i * stride];
  }
}

// Rows [first, last) of the innermost dimension of the output.
void copy_rows(const CopyPlan& plan, const int32_t* x, int64_t first, int64_t last, int32_t* out) {
  const int inner = plan.rank - 1;
  for (int64_t row = first; row < last; ++row) {
    int64_t index = row, at = 0;
    for (int dim = inner - 1; dim >= 0; --dim) {
      at += index % plan.size[dim] * plan.stride[dim];
      index /= plan.size[dim];
    }
    copy_run(x + at, plan.stride[inner], plan.size[inner], out + row * plan.size[inner]);
  }
}

int64_t reflected(int64_t i, int64_t length) { return i < 0 ? -i : (i >= length ? 2 * (length - 1) - i : i); }

// ---- launchers ----

void run_copy(const KernelContext& context, const CopyPlan& plan) {
  const int64_t count = context.out(0).shape.count();
  if (count == 0) return;
  const int64_t inner = plan.size[plan.rank - 1], rows = count / inner;
  const int64_t per_task = inner < kElementsPerTask ? kElementsPerTask / inner : 1;
  parallel_for(context.pool, (rows + per_task - 1) / per_task, [&](int64_t task, int) {
    const int64_t last = (task + 1) * per_task;
    copy_rows(plan, words(context.in(0)), task * per_task, last < rows ? last : rows, words(context.out(0)));
  });
}

void transpose(const KernelContext& context) {
  run_copy(context, plan_transpose(context.in(0).shape, context.attrs->at("order")));
}

void broadcast_to(const KernelContext& context) {
  run_copy(context, plan_repeat(context.in(0).shape, context.out(0).shape));
}

struct Axis {
  int64_t outer, inner;
};
Axis axis_of(const KernelContext& context, const Shape& shape) {
  const int axis = static_cast<int>(context.attrs->i("axis"));
  return {shape.count_before(axis), shape.count_from(axis + 1)};
}

void to_integer(const KernelContext& context) {
  const float* x = context.in(0).f32();
  int32_t* out = context.out(0).i32();
  for (int64_t i = 0; i < context.out(0).shape.count(); ++i) {
    const bool fits = x[i] > -2147483520.f && x[i] < 2147483520.f;
    out[i] = fits ? static_cast<int32_t>(__builtin_rintf(x[i])) : 0;
  }
}

void slice(const KernelContext& context) {
  const int axis = static_cast<int>(context.attrs->i("axis"));
  const Axis a = axis_of(context, context.in(0).shape);
  const int64_t from = context.in(0).shape.dims[axis] * a.inner, to = context.out(0).shape.dims[axis] * a.inner;
  const int32_t* x = words(context.in(0)) + context.attrs->i("start") * a.inner;
  parallel_for(context.pool, a.outer, [&](int64_t row, int) {
    memcpy(words(context.out(0)) + row * to, x + row * from, to * sizeof(int32_t));
  });
}

void concat(const KernelContext& context) {
  const int axis = static_cast<int>(context.attrs->i("axis"));
  const Axis a = axis_of(context, context.out(0).shape);
  const int64_t to = context.out(0).shape.dims[axis] * a.inner;
  int64_t at = 0;
  for (int i = 0; i < context.input_count; ++i) {
    const int64_t from = context.in(i).shape.dims[axis] * a.inner;
    for (int64_t row = 0; row < a.outer; ++row) {
      memcpy(words(context.out(0)) + row * to + at, words(context.in(i)) + row * from, from * sizeof(int32_t));
    }
    at += from;
  }
}

void pad(const KernelContext& context) {
  const int axis = static_cast<int>(context.attrs->i("axis"));
  const Axis a = axis_of(context, context.in(0).shape);
  const int64_t from = context.in(0).shape.dims[axis], to = context.out(0).shape.dims[axis];
  const int64_t before = context.attrs->i("before");
  const bool reflect = context.attrs->b("reflect");
  parallel_for(context.pool, a.outer, [&](int64_t row, int) {
    const int32_t* x = words(context.in(0)) + row * from * a.inner;
    int32_t* out = words(context.out(0)) + row * to * a.inner;
    memcpy(out + before * a.inner, x, from * a.inner * sizeof(int32_t));
    for (int64_t i = 0; i < to; ++i) {
      if (i >= before && i < before + from) continue;
      if (reflect) {
        memcpy(out + i * a.inner, x + reflected(i - before, from) * a.inner, a.inner * sizeof(int32_t));
      } else {
        memset(out + i * a.inner, 0, a.inner * sizeof(int32_t));
      }
    }
  });
}

void pad_reflect_grad(const KernelContext& context) {
  const int axis = static_cast<int>(context.attrs->i("axis"));
  const Axis a = axis_of(context, context.out(0).shape);
  const int64_t from = context.out(0).shape.dims[axis], to = context.in(0).shape.dims[axis];
  const int64_t before = context.attrs->i("before");
  parallel_for(context.pool, a.outer, [&](int64_t row, int) {
    const float* gy = context.in(0).f32() + row * to * a.inner;
    float* gx = context.out(0).f32() + row * from * a.inner;
    memcpy(gx, gy + before * a.inner, from * a.inner * sizeof(float));
    for (int64_t i = 0; i < to; ++i) {
      if (i >= before && i < before + from) continue;
      float* target = gx + reflected(i - before, from) * a.inner;
      for (int64_t c = 0; c < a.inner; ++c) target[c] += gy[i * a.inner + c];
    }
  });
}

}  // namespace

void register_layout_cpu(KernelTable& table) {
  table.add("transpose", transpose);
  table.add("broadcast_to", broadcast_to);
  table.add("slice", slice);
  table.add("to_integer", to_integer);
  table.add("concat", concat);
  table.add("pad", pad);
  table.add("pad_reflect_grad", pad_reflect_grad);
}

}  // namespace lmspt::LMSPT_ISA
