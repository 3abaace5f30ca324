// Attention's gradient for compute capability 9.0: two passes as in backward_cuda.h, after one that has <gy, y>.
#include "ops/attention/sm90_attention.h"
#include "ops/attention/sm90_backward_cuda.h"

namespace lmspt::cuda {

namespace {

// ---- kernels ----

// <gy, y> of every query, by four lanes each.
__global__ void sm90_along_kernel(const Sm90Gradients p, int64_t items, const Numbers y, const Numbers gy) {
  const Sm90Heads& h = p.h;
  const int64_t rows = items * p.padded * h.heads;
  for (int64_t first = first_unit() / 32 * 8; first < rows; first += unit_step() / 4) {
    const int64_t row = first + threadIdx.x % 32 / 4, head = row % h.heads, query = row / h.heads % p.padded;
    const int64_t item = row / h.heads / p.padded, at = ((item * h.queries + query) * h.heads + head) * h.size;
    float sum = 0;
    if (row < rows && query < h.queries) {
      for (int i = threadIdx.x % 4 * 4; i < h.size; i += 16) {
        float left[4], right[4];
        gy.load<4>(at + i, left);
        y.load<4>(at + i, right);
        for (int e = 0; e < 4; ++e) sum = fmaf(left[e], right[e], sum);
      }
    }
    sum = join_quad(sum, Add());
    if (row < rows && threadIdx.x % 4 == 0) p.statistics[(item * h.heads + head) * p.padded + query].along = sum;
  }
}

}  // namespace

// ---- launchers ----

void attention_grad_sm90(const KernelContext& context, const AttentionGeometry& g) {
  const RoundedHeads q(context, context.in(0)), k(context, context.in(1)), v(context, context.in(2));
  const RoundedHeads gy(context, context.in(4));
  const int64_t padded = (g.queries + kStatisticsRows - 1) / kStatisticsRows * kStatisticsRows;
  const Scratch statistics(context, g.batch * g.heads * padded * sizeof(Sm90Statistics));
  const Sm90Gradients gradients{Sm90Heads(g),
                                static_cast<int>(padded),
                                static_cast<Sm90Statistics*>(statistics.data()),
                                Numbers(context.out(0)),
                                Numbers(context.out(1)),
                                Numbers(context.out(2))};
  launch_threads(context, sm90_along_kernel, 4 * g.batch * padded * g.heads, gradients, g.batch, Numbers(context.in(3)),
                 Numbers(context.in(4)));
  query_gradients_sm90(context, g, gradients, {q, k, v, gy});
  key_gradients_sm90(context, g, gradients, {q, k, v, gy});
}

}  // namespace lmspt::cuda
