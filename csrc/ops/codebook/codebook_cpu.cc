#include <string.h>

#include "device/cpu/thread_pool.h"
#include "device/kernel.h"
#include "ops/codebook/nearest_cpu.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kRowsPerTask = 12;

// ---- launchers ----

void codebook_search(const KernelContext& context) {
  const Tensor z = context.in(0), panels = context.in(1);
  const int64_t size = z.shape[-1], rows = context.out(0).shape.count();
  parallel_for(context.pool, (rows + kRowsPerTask - 1) / kRowsPerTask, [&](int64_t task, int worker) {
    float* units = static_cast<float*>(context.pool->scratch(worker, kRowsPerTask * size * sizeof(float)));
    const int64_t first = task * kRowsPerTask, left = rows - first, count = left < kRowsPerTask ? left : kRowsPerTask;
    for (int64_t row = 0; row < count; ++row) normalize(z.f32() + (first + row) * size, size, units + row * size);
    nearest_rows(units, count, size, panels.f32(), panels.shape[0], context.out(0).i32() + first);
  });
}

// The last panel is filled up with copies of the last row: a tie goes to the lower index, so they are never chosen.
void pack_codebook(const KernelContext& context) {
  const Tensor codebook = context.in(0);
  const int64_t codes = codebook.shape[0], size = codebook.shape[1];
  parallel_for(context.pool, context.out(0).shape[0], [&](int64_t p, int worker) {
    float* unit = static_cast<float*>(context.pool->scratch(worker, size * sizeof(float)));
    float* panel = context.out(0).f32() + p * size * kPanelWidth;
    for (int64_t lane = 0; lane < kPanelWidth; ++lane) {
      const int64_t code = p * kPanelWidth + lane;
      normalize(codebook.f32() + (code < codes ? code : codes - 1) * size, size, unit);
      for (int64_t i = 0; i < size; ++i) panel[i * kPanelWidth + lane] = unit[i];
    }
  });
}

void codebook_lookup(const KernelContext& context) {
  const Tensor codes = context.in(0), codebook = context.in(1);
  const int64_t size = codebook.shape[1];
  for (int64_t row = 0; row < codes.shape.count(); ++row) {
    const int32_t code = codes.i32()[row];
    float* out = context.out(0).f32() + row * size;
    if (code >= 0 && code < codebook.shape[0]) {
      memcpy(out, codebook.f32() + code * size, size * sizeof(float));
    } else {
      memset(out, 0, size * sizeof(float));
    }
  }
}

void codebook_lookup_grad(const KernelContext& context) {
  const Tensor codes = context.in(0), gy = context.in(1);
  const Tensor& out = context.out(0);
  const int64_t size = gy.shape[-1];
  memset(out.data, 0, out.shape.count() * sizeof(float));
  for (int64_t row = 0; row < codes.shape.count(); ++row) {
    const int32_t code = codes.i32()[row];
    if (code < 0 || code >= out.shape[0]) continue;
    for (int64_t i = 0; i < size; ++i) out.f32()[code * size + i] += gy.f32()[row * size + i];
  }
}

void l2_normalize(const KernelContext& context) {
  const Tensor x = context.in(0);
  const int64_t size = x.shape[-1];
  parallel_for(context.pool, x.shape.count_before(x.shape.rank - 1),
               [&](int64_t row, int) { normalize(x.f32() + row * size, size, context.out(0).f32() + row * size); });
}

// gx = (gy - x <gy, x> / |x|^2) / |x|
void l2_normalize_grad(const KernelContext& context) {
  const Tensor x = context.in(0), gy = context.in(1);
  const int64_t size = x.shape[-1];
  parallel_for(context.pool, x.shape.count_before(x.shape.rank - 1), [&](int64_t row, int) {
    const float *source = x.f32() + row * size, *gradient = gy.f32() + row * size;
    const double length = norm(source, size);
    double along = 0;
    for (int64_t i = 0; i < size; ++i) along += static_cast<double>(gradient[i]) * source[i];
    along /= length * length;
    for (int64_t i = 0; i < size; ++i) {
      context.out(0).f32()[row * size + i] = static_cast<float>((gradient[i] - source[i] * along) / length);
    }
  });
}

}  // namespace

void register_codebook_cpu(KernelTable& table) {
  table.add("codebook_search", codebook_search);
  table.add("pack_codebook", pack_codebook);
  table.add("codebook_lookup", codebook_lookup);
  table.add("codebook_lookup_grad", codebook_lookup_grad);
  table.add("l2_normalize", l2_normalize);
  table.add("l2_normalize_grad", l2_normalize_grad);
}

}  // namespace lmspt::LMSPT_ISA
