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

struct Sm90GradientMaps {
  CUtensorMap q, gy, k, v;
};

struct Sm90GradientOperands {
  const RoundedHeads &q, &k, &v, &gy;

  // For tiles of so many rows.
  Sm90GradientMaps maps(int queries, int keys) const {
    return {q.map(queries), gy.map(queries), k.map(keys), v.map(keys)};
  }
};

// Begins the products of a warp group's rows of two tiles, `rows` and the next, with the two tiles at `at`, which goes
// on behind them: of queries and keys, the scores, and of gy and values, the slopes.
template <int kColumns, class Memory>
__device__ inline void begin_products(const Memory& shared, const typename Memory::FirstPlace& rows, int group,
                                      typename Memory::SecondPlace& at, float (&scores)[kColumns / 2],
                                      float (&slopes)[kColumns / 2]) {
  const int of_group = group * kGroupRows * kSwizzleBytes;
  shared.second.wait(at);
  shared.second.wait(at.after(1));
  wgmma_fence();
  multiply_heads<kColumns>(shared.first.at(rows) + of_group, shared.second.at(at), scores);
  multiply_heads<kColumns>(shared.first.at(rows.after(1)) + of_group, shared.second.at(at.after(1)), slopes);
  wgmma_commit();
  at = at.after(2);
}

// gq, and the log_sum of all queries; `along` is known.
void query_gradients_sm90(const KernelContext& context, const AttentionGeometry& g, const Sm90Gradients& gradients,
                          const Sm90GradientOperands& operands);
// Then gk and gv.
void key_gradients_sm90(const KernelContext& context, const AttentionGeometry& g, const Sm90Gradients& gradients,
                        const Sm90GradientOperands& operands);

}  // namespace lmspt::cuda
