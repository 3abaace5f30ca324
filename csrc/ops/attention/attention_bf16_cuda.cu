#include "ops/attention/attention_cuda.h"
#include "ops/attention/backward_cuda.h"
#include "ops/attention/forward_cuda.h"
#include "ops/attention/tensor_heads_cuda.h"

namespace lmspt::cuda {

void attention_bf16(const KernelContext& context, const AttentionGeometry& g) {
  if (g.size <= 64) return launch_attention<TensorHeads<Bf16, 64, 64>>(context, g);
  launch_attention<TensorHeads<Bf16, 128, 64>>(context, g);
}

void attention_grad_bf16(const KernelContext& context, const AttentionGeometry& g) {
  if (g.size <= 64) return launch_attention_grad<TensorHeads<Bf16, 64, 64>, TensorHeads<Bf16, 64, 32>>(context, g);
  launch_attention_grad<TensorHeads<Bf16, 128, 32>, TensorHeads<Bf16, 128, 32>>(context, g);
}

}  // namespace lmspt::cuda
