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

// Whether C may be written by two or four floats at a time.
bool writes_fours(const Product& product);

struct ProductChoice {
  TileSize size;
  bool fours;    // whether rows of A may be read by four floats at a time; only then sizes other than small
  bool vectors;  // whether C may be written by two or four floats at a time
};

void multiply_float32(const KernelContext& context, const Product& product, const ProductChoice& choice);
void multiply_tf32(const KernelContext& context, const Product& product, const ProductChoice& choice);
void multiply_bf16(const KernelContext& context, const Product& product, const ProductChoice& choice);
void multiply_bf16x3(const KernelContext& context, const Product& product, const ProductChoice& choice);

// Few words of K in float32, for which tiles do not pay.
bool is_thin(Precision precision, const Product& product);
void multiply_thin(const KernelContext& context, const Product& product, bool vectors);

// Two products in one kernel. The columns fit into one tile, and rows of A may be read by fours.
struct ProductPair {
  const Product &first, &second;
};

void join_float32(const KernelContext& context, const ProductPair& pair, bool vectors);
void join_tf32(const KernelContext& context, const ProductPair& pair, bool vectors);
void join_bf16(const KernelContext& context, const ProductPair& pair, bool vectors);
void join_bf16x3(const KernelContext& context, const ProductPair& pair, bool vectors);  // up to 64 columns

}  // namespace lmspt::cuda
