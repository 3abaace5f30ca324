// What multiplies in each precision, each compiled in a file of its own.
#pragma once

#include "device/cuda/tuning_file.h"
#include "gemm/cuda/product.h"

namespace lmspt::cuda {

// Rows by columns of a tile.
enum class TileSize {
  large,   // 128 by 128
  tall,    // 128 by 64
  small,   // 64 by 64
  narrow,  // 128 by 32
};

// What rows of A were made of (set_taps).
inline int taps_along_h(const RowsOfA& a) { return a.words / a.tap_words.value() / a.taps_w.value(); }
inline Taps taps_along_w(const RowsOfA& a) {
  return {a.taps_w.value() * a.shifts, a.w.stride, a.shifts > 1 ? a.shift_step : a.w.dilation};
}

// Whether positions have two axes.
bool is_image(const RowsOfA& a);

// The same product of items with all their rows: positions have no outer items.
Product with_items(Product p);

// Whether C may be written by two or four floats at a time.
bool writes_fours(const Product& product);

enum class ProductEngine { all, sm90 };

// Whatever the time of a product depends on.
TuningKey describe_product(ProductEngine engine, Precision precision, const Product& product, bool vectors);

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
