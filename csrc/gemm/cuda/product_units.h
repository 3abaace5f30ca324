// What multiplies in each precision, each compiled in a file of its own.
#pragma once

#include "gemm/cuda/product.h"

namespace lmspt::cuda {

// Rows by columns of a tile.
enum class TileSize {
  large,   // 128 by 128
  tall,    // 128 by 64
  small,   // 64 by 64
  narrow,  // 128 by 32
};

struct ProductChoice {
  TileSize size;
  bool fours;    // whether rows of A may be read by four floats at a time; only then sizes other than small
  bool vectors;  // whether C may be written by two or four floats at a time
};

void multiply_float32(const KernelContext& context, const Product& product, const ProductChoice& choice);
void multiply_tf32(const KernelContext& context, const Product& product, const ProductChoice& choice);
void multiply_bf16(const KernelContext& context, const Product& product, const ProductChoice& choice);
void multiply_bf16x3(const KernelContext& context, const Product& product, const ProductChoice& choice);

}  // namespace lmspt::cuda
