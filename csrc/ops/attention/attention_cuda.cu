#include "device/precision.h"
#include "ops/attention/attention_cuda.h"

namespace lmspt::cuda {

namespace {

// ---- launchers ----

AttentionGeometry geometry_of(const KernelContext& context) {
  return attention_geometry(context.in(0).shape, context.in(1).shape, *context.attrs);
}

// What the tensor cores do not take is computed in float32, which is never less exact.
Precision precision_for(const KernelContext& context, const AttentionGeometry& g) {
  if (g.size > kMostTensorFeatures) return Precision::fp32;
  return precision_of(*context.attrs);
}

void attention(const KernelContext& context) {
  const AttentionGeometry g = geometry_of(context);
  if (g.size > kMostFloatFeatures) return attention_of_any_size(context, g);
  switch (precision_for(context, g)) {
    case Precision::tf32: return attention_tf32(context, g);
    case Precision::bf16: return attention_bf16(context, g);
    case Precision::bf16x3: return attention_bf16x3(context, g);
    default: return attention_float32(context, g);
  }
}

void attention_grad(const KernelContext& context) {
  const AttentionGeometry g = geometry_of(context);
  if (g.size > kMostFloatFeatures) return attention_grad_of_any_size(context, g);
  switch (precision_for(context, g)) {
    case Precision::tf32: return attention_grad_tf32(context, g);
    case Precision::bf16: return attention_grad_bf16(context, g);
    case Precision::bf16x3: return attention_grad_bf16x3(context, g);
    default: return attention_grad_float32(context, g);
  }
}

}  // namespace

void register_attention_cuda(KernelTable& table) {
  table.add("attention", attention);
  table.add("attention_grad", attention_grad);
}

}  // namespace lmspt::cuda
