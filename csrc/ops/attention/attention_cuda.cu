#include "device/precision.h"
#include "ops/attention/attention_cuda.h"
#include "ops/attention/float_tensors_cuda.h"
#include "ops/attention/sm90_attention.h"

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

void attention_in_floats(const KernelContext& context, const AttentionGeometry& g) {
  if (g.size > kMostFloatFeatures) return attention_of_any_size(context, g);
  switch (precision_for(context, g)) {
    case Precision::tf32: return attention_tf32(context, g);
    case Precision::bf16: return attention_bf16(context, g);
    case Precision::bf16x3: return attention_bf16x3(context, g);
    default: return attention_float32(context, g);
  }
}

void attention_grad_in_floats(const KernelContext& context, const AttentionGeometry& g) {
  if (g.size > kMostFloatFeatures) return attention_grad_of_any_size(context, g);
  switch (precision_for(context, g)) {
    case Precision::tf32: return attention_grad_tf32(context, g);
    case Precision::bf16: return attention_grad_bf16(context, g);
    case Precision::bf16x3: return attention_grad_bf16x3(context, g);
    default: return attention_grad_float32(context, g);
  }
}

using Launcher = void (*)(const KernelContext&, const AttentionGeometry&);

void launch_for(const KernelContext& context, Launcher sm90, Launcher in_floats) {
  const AttentionGeometry g = geometry_of(context);
  if (precision_of(*context.attrs) == Precision::bf16 && takes_sm90_attention(context, g)) return sm90(context, g);
  FloatTensors floats(context);
  in_floats(floats.context(), g);
  floats.finish();
}

void attention(const KernelContext& context) { launch_for(context, attention_sm90, attention_in_floats); }

void attention_grad(const KernelContext& context) {
  launch_for(context, attention_grad_sm90, attention_grad_in_floats);
}

}  // namespace

void register_attention_cuda(KernelTable& table) {
  table.add("attention", attention);
  table.add("attention_grad", attention_grad);
  table.takes_bf16("attention", {.inputs = 0b111, .outputs = 1, .wgmma = true});
  table.takes_bf16("attention_grad", {.inputs = 0b11111, .outputs = 0b111, .wgmma = true});
}

}  // namespace lmspt::cuda
