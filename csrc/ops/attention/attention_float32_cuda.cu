#include "ops/attention/attention_cuda.h"
#include "ops/attention/backward_cuda.h"
#include "ops/attention/float_heads_cuda.h"
#include "ops/attention/forward_cuda.h"

namespace lmspt::cuda {

void attention_float32(const KernelContext& context, const AttentionGeometry& g) {
  if (g.size <= 64) return launch_attention<FloatHeads<64, 4>>(context, g);
  if (g.size <= 128) return launch_attention<FloatHeads<128, 4>>(context, g);
  launch_attention<FloatHeads<256, 2>>(context, g);
}

void attention_grad_float32(const KernelContext& context, const AttentionGeometry& g) {
  if (g.size <= 64) return launch_attention_grad<FloatHeads<64, 4>, FloatHeads<64, 4>>(context, g);
  if (g.size <= 128) return launch_attention_grad<FloatHeads<128, 2>, FloatHeads<128, 2>>(context, g);
  launch_attention_grad<FloatHeads<256, 1>, FloatHeads<256, 1>>(context, g);
}

}  // namespace lmspt::cuda
