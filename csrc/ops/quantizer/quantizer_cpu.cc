// A tile of rows goes through all stages while its residual stays in the cache.
#include <string.h>

#include "device/cpu/thread_pool.h"
#include "gemm/gemm_cpu.h"
#include "ops/codebook/nearest_cpu.h"
#include "ops/quantizer/quantizer.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kMostRows = 24;  // of a tile

// ---- kernels ----

struct Buffers {
  float *residual, *part;           // kMostRows of a latent each
  float *projected, *unit, *found;  // kMostRows of kFeatures each
};

// z - part, where z is a latent of the tile.
void subtract(const float* z, const float* part, int64_t count, float* residual) {
  for (int64_t i = 0; i < count; ++i) residual[i] = z[i] - part[i];
}

void quantize_tile(const KernelContext& context, int64_t first, int64_t rows, const Buffers& buffers) {
  const int64_t latent = context.in(0).shape[-1], at = first * latent;
  const float* x = context.in(0).f32() + at;
  for (int stage = 0; stage < context.output_count; ++stage) {
    const auto input = [&](StageInput of) { return context.in(stage_input(stage, of)); };
    const Tensor panels = input(kPanels);
    int32_t* codes = context.out(stage).i32() + first;
    Epilogue bias;
    bias.bias = input(kBIn).f32();
    gemm({x, latent, 1, latent}, rows, {input(kWIn).f32(), 0}, kFeatures, 0, 1, buffers.projected, kFeatures, bias);
    for (int64_t row = 0; row < rows; ++row) {
      normalize(buffers.projected + row * kFeatures, kFeatures, buffers.unit + row * kFeatures);
    }
    nearest_rows(buffers.unit, rows, kFeatures, panels.f32(), panels.shape[0], codes);
    if (stage + 1 == context.output_count) break;
    for (int64_t row = 0; row < rows; ++row) {
      const float* code = input(kCodebook).f32() + int64_t{codes[row]} * kFeatures;
      memcpy(buffers.found + row * kFeatures, code, kFeatures * sizeof(float));
    }
    bias.bias = input(kBOut).f32();
    gemm({buffers.found, kFeatures, 1, kFeatures}, rows, {input(kWOut).f32(), kFeatures * kPanelWidth}, latent, 0,
         panel_count(latent), buffers.part, latent, bias);
    const Tensor base = input(kBase);
    subtract(base ? base.f32() + at : x, buffers.part, rows * latent, buffers.residual);
    x = buffers.residual;
  }
}

// ---- launchers ----

void fused_quantizer(const KernelContext& context) {
  const Tensor x = context.in(0);
  const int64_t latent = x.shape[-1], rows = x.shape.count_before(x.shape.rank - 1);
  const int64_t share = (rows + context.pool->threads() - 1) / context.pool->threads();
  const int64_t tile = share < kMostRows ? share : kMostRows;
  if (rows == 0) return;
  parallel_for(context.pool, (rows + tile - 1) / tile, [&](int64_t task, int worker) {
    const size_t bytes = kMostRows * (2 * latent + 3 * kFeatures) * sizeof(float);
    float* residual = static_cast<float*>(context.pool->scratch(worker, bytes));
    float *part = residual + kMostRows * latent, *projected = part + kMostRows * latent;
    float *unit = projected + kMostRows * kFeatures, *found = unit + kMostRows * kFeatures;
    const int64_t first = task * tile, left = rows - first;
    quantize_tile(context, first, left < tile ? left : tile, {residual, part, projected, unit, found});
  });
}

}  // namespace

void register_quantizer_cpu(KernelTable& table) { table.add("fused_quantizer", fused_quantizer); }

}  // namespace lmspt::LMSPT_ISA
