// The engine under every convolution and matrix product on CUDA: C[m, n] = epilogue(sum over k of A[m, k] B[k, n]), for
// several items and groups of channels at once. Nothing is unfolded: a row of A is where the taps of an output position
// lie in x, so that rows overlap.
//
// K is counted in *words* of 32 bits: a float32 or tf32 number, or two bf16 numbers of one tap (channels completed to
// an even number). It is walked through in blocks of kBlockWords, in an order that depends on (N, K) and the kernel's
// geometry alone, whatever the tile (row invariance):
// * folded: k = (tap, channel) straight through; every block of A is fetched for itself;
// * shifted: every block of words of a position is fetched once, with as many rows more as the taps reach over, and all
//   taps are shifts of these rows in shared memory. With a stride s, a position has s taps side by side, so that a
//   kernel of 2 s taps has two shifts.
#pragma once

#include "device/cuda/numbers.h"
#include "device/kernel.h"
#include "device/precision.h"
#include "gemm/cuda/divisor.h"
#include "gemm/cuda/ragged_items.h"
#include "gemm/panel.h"

namespace lmspt::cuda {

constexpr int kBlockWords = 16;
constexpr int kMostReach = 64;  // rows beyond a tile that shifts may ask for

// One spatial dimension of x: output t reads, for tap i, the row t * stride + i * dilation + origin; zeros outside.
struct Axis {
  int in = 1, stride = 1, dilation = 1, origin = 0;
  int64_t pitch = 0;  // elements from one row of x to the next

  // Throws where they do not fit into 30 bits.
  static Axis of(int64_t in, int64_t stride, int64_t dilation, int64_t origin, int64_t pitch);
};

struct RowsOfA {
  Numbers x;                               // bf16 numbers with the precision bf16 alone
  const float* alpha = nullptr;            // Snake is applied to x where it is given
  int64_t item = 0, outer = 0, group = 0;  // elements from one to the next
  Axis h, w;
  Divisor positions, positions_w;  // of an outer item, and those along w
  Divisor tap_words, taps_w;       // words of a tap, taps along w
  int channels = 0;                // of a group
  int words = 0;                   // of a position, all of its taps but the shifts
  int shifts = 1, shift_step = 1;
};

// Packed weights: (planes,) panels of 16 columns, words of K, 16; or (planes,) columns, words of K, where they are in
// rows (sm90_product.h).
struct ColumnsOfB {
  const uint32_t* data = nullptr;
  int64_t item = 0, group = 0, panel = 0, plane = 0;  // words from one to the next
  bool rows = false;
  int64_t columns = 0;  // in rows: those that are there, the others are zeros; 0 where all of the product's are
};

// Element (m, n) lies at c + item + outer + group + h + w + n / span * span_step + n % span; of those, what lies
// outside [0, limit) of its outer item is left out.
struct ElementsOfC {
  Numbers c;                                             // bf16 numbers with the precision bf16 alone
  const float* bias = nullptr;                           // (groups, span)
  bool gelu = false;                                     // GELU is applied to what bias makes complete
  Numbers before_gelu;                                   // as c: that goes here where it is given
  Numbers gelu_input;                                    // as c: GELU's gradient at it is multiplied with that
  Numbers residual;                                      // as c
  float slope = 1;                                       // LeakyReLU's, which follows residual
  Numbers signs;                                         // as c: LeakyReLU's gradient at it instead, where it is given
  const float* alpha = nullptr;                          // (span): Snake is applied last where it is given
  Numbers activated;                                     // as c: what Snake gives goes here, or to c where it is absent
  int64_t item = 0, outer = 0, group = 0, h = 0, w = 0;  // elements from one to the next
  int64_t origin = 0, limit = 0;
  Divisor span;
  int64_t span_step = 0;
};

// Rows m are positions (outer, h, w) of an item. Where items are of different lengths they lie one after the other, in
// x and in C; `items` is one, and positions are those along w.
struct Product {
  int64_t items = 1, groups = 1;
  int64_t rows = 0, columns = 0;  // of an item, of a group
  RowsOfA a;
  ColumnsOfB b;
  ElementsOfC c;
  RaggedItems ragged;
};

// The kernel of a convolution along w.
struct Taps {
  int64_t count, stride, dilation;
};

// Sets the words, taps and shifts of A; its channels are set. Shifts need items of their own.
void set_taps(RowsOfA& a, Precision precision, const Taps& taps);

// Throws where positions do not fit into 30 bits.
void check_positions(const Product& product);

// Checks positions.
void run_product(const KernelContext& context, Precision precision, const Product& product);

// The same for two products of one shape whose second has one tap and reads Snake of what the first gives, bias
// included. False, with nothing done, where there is no kernel that does both without writing what lies in between to
// memory.
bool run_residual_unit(const KernelContext& context, Precision precision, const Product& first, const Product& second);

// What decides whether a product in float32 along few words, without shifts, groups and Snake of x, has the kernel for
// such; it takes C as floats or as bf16 numbers. rows: at least of all items; reach: elements of x between a row's
// taps.
struct ThinProduct {
  int64_t words, columns, rows, reach;
};
bool is_thin(const ThinProduct& product);

// How wide words are.
constexpr int floats_of_word(Precision precision) {
  return precision == Precision::bf16 || precision == Precision::bf16x3 ? 2 : 1;
}
inline int64_t words_of(Precision precision, int64_t channels) {
  return (channels + floats_of_word(precision) - 1) / floats_of_word(precision);
}

}  // namespace lmspt::cuda
