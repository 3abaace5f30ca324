// What computes products along K in each precision, each compiled in a file of its own.
#pragma once

#include "gemm/cuda/outer_product.h"

namespace lmspt::cuda {

struct OuterChoice {
  bool fours;  // whether four neighbouring columns may be read at once
  bool large;  // tiles of 128 rows instead of 64
  int64_t pieces;
};

void sum_float32(const KernelContext& context, const OuterProduct& product, const OuterChoice& choice);
void sum_tf32(const KernelContext& context, const OuterProduct& product, const OuterChoice& choice);
void sum_bf16(const KernelContext& context, const OuterProduct& product, const OuterChoice& choice);
void sum_bf16x3(const KernelContext& context, const OuterProduct& product, const OuterChoice& choice);

}  // namespace lmspt::cuda
