// The engine of products for GPUs of compute capability 9.0 (docs/cuda-engine.md): bulk copies bring blocks of both
// operands to shared memory, where products of warp groups read them. It computes what product.h describes, of weights
// that lie in *rows*: (planes,) groups, columns, taps, words of a tap.
#pragma once

#include "gemm/cuda/product.h"

namespace lmspt::cuda {

// Whether the GPU has the engine, and the precision is one of its own.
bool has_sm90_engine(const KernelContext& context, Precision precision);

// Whether weights of so many channels (of a group) are packed into rows, for this engine. Neither columns nor rows of x
// matter: the engine for all GPUs is slower even where most of a tile is empty, and all products of the same weights
// are summed in the same order.
bool are_rows(const KernelContext& context, Precision precision, int64_t channels);

// Of weights in rows.
void run_sm90_product(const KernelContext& context, Precision precision, const Product& product);

// The same where x holds operands already (sm90_operands.h), dense.
void run_sm90_operands(const KernelContext& context, Precision precision, const Product& product);

// A convolution that keeps the number of channels and of rows.
struct SquareTaps {
  int64_t channels, taps, dilation;
};

// Whether residual units of such a first convolution are one kernel of this engine, where x is stored as bf16 numbers.
bool is_sm90_unit(const KernelContext& context, Precision precision, const SquareTaps& convolution);

// run_residual_unit, of weights in rows.
bool run_sm90_unit(const KernelContext& context, Precision precision, const Product& first, const Product& second);

}  // namespace lmspt::cuda
