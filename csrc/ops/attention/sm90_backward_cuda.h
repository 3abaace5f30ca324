// The passes of attention's gradient for compute capability 9.0, each in a file of its own.
#pragma once

#include "ops/attention/sm90_operands_cuda.h"

namespace lmspt::cuda {

// Of one query: its weights are p = 2^(rate * score - log_sum); along = <gy, y>.
struct Sm90Statistics {
  float log_sum, along;
};

constexpr int kStatisticsRows = 64;  // of a head there are a multiple of, the last of queries that do not exist

struct Sm90Gradients {
  Sm90Heads h;
  int padded;                  // queries, with those that do not exist
  Sm90Statistics* statistics;  // (B, H, padded)
  Numbers gq, gk, gv;

  __device__ Sm90Statistics* statistics_of(int item, int head) const {
    return statistics + (int64_t{item} * h.heads + head) * padded;
  }
};

struct Sm90GradientOperands {
  const RoundedHeads &q, &k, &v, &gy;
};

// gq, and the log_sum of all queries; `along` is known.
void query_gradients_sm90(const KernelContext& context, const AttentionGeometry& g, const Sm90Gradients& gradients,
                          const Sm90GradientOperands& operands);
// Then gk and gv.
void key_gradients_sm90(const KernelContext& context, const AttentionGeometry& g, const Sm90Gradients& gradients,
                        const Sm90GradientOperands& operands);

}  // namespace lmspt::cuda
