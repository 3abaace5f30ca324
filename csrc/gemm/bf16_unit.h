// What multiplies bf16 matrices on a CPU: vector instructions, or the tile unit of AMX. Plain data and functions, so
// that code compiled without a unit's instructions can call it. Layout and definition: bf16.h.
#pragma once

#include "gemm/bf16.h"

namespace lmspt {

// Rows [first, first + count) of x (length, channels) as rows of `width` staged elements, zeros where rows lie outside
// x and beyond the channels. With `alpha`, Snake is applied in float32 before rounding. Every phases-th row lies beside
// the last one; `phase_elements` further on there are those that begin one row later.
struct Bf16Stage {
  const float* x;
  int64_t length, channels;
  int64_t first, count;
  int64_t phases, phase_elements;
  const float* alpha;
  const float* inverse;  // 1 / (alpha + 1e-9)
  void* staged;
  int64_t width;
  int64_t plane;  // elements from the hi parts to the lo parts; 0: no lo parts
};

// C[m, n] for m < rows and n in [first_panel, last_panel) * 16, n < columns; `c`, `bias` and `residual` address column
// 0.
struct Bf16Product {
  const void* a;
  int64_t row_stride;  // staged elements
  int64_t a_plane;     // as in Bf16Stage; 0: one product instead of three
  Bf16Depth depth;
  const uint32_t* b;  // panels of depth.pairs() rows of 16 columns, element 2 i of K in the lower half
  int64_t b_plane;    // pairs from the hi parts to the lo parts
  int64_t rows, columns, first_panel, last_panel;
  const float* bias;
  const float* residual;
  int64_t residual_stride;
  float* c;
  int64_t c_stride;

  // Where `next` is given, instead of C: Snake of the sums and bias as staged rows of a product that follows.
  const float* alpha = nullptr;
  const float* inverse = nullptr;
  void* next = nullptr;
  int64_t next_stride = 0, next_plane = 0;  // staged elements; columns is an even number
};

struct Bf16Unit {
  const char* description;
  const char* split_description;  // null where split products would be slower than float32
  int64_t element_size;           // bytes of a staged element: bf16, or bf16 values kept as float32
  int64_t row_tile;               // rows of A are read up to a multiple of it, whatever lies there
  int64_t row_step;               // products of a multiple of so many rows waste nothing
  void (*stage)(const Bf16Stage&);
  void (*multiply)(const Bf16Product&);
};

}  // namespace lmspt
