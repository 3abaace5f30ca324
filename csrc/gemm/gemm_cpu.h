// The engine under every convolution and matrix product on the CPU: C = epilogue(A B), where the rows of A may overlap
// and each row may be made of several runs (the taps of a dilated convolution), so that nothing is unfolded.
// For every element the products are summed in the order of K by fused multiply-adds, whatever the tile: a row's result
// does not depend on its neighbours (row invariance).
#pragma once

#include "gemm/panel.h"

namespace lmspt::LMSPT_ISA {

// Row m of A is the runs a + m * row_stride + r * run_stride, r < runs, each of run_length elements, element_stride
// apart.
struct Rows {
  const float* data;
  int64_t row_stride;
  int64_t runs = 1;
  int64_t run_length;
  int64_t run_stride = 0;
  int64_t element_stride = 1;
};

struct Columns {
  const float* data;                 // panels, see panel.h
  int64_t panel_stride;              // elements from one panel to the next
  int64_t row_stride = kPanelWidth;  // elements from one k to the next within a panel
};

struct Epilogue {
  const float* bias = nullptr;      // [N], added first
  const float* residual = nullptr;  // [M, N] with residual_stride, added second
  int64_t residual_stride = 0;
  bool accumulate = false;  // C is added to instead of overwritten, before anything else
};

// C[m, n] for m < rows and n in [first_panel, last_panel) * 16, n < columns. `c` addresses column 0.
void gemm(const Rows& a, int64_t rows, const Columns& b, int64_t columns, int64_t first_panel, int64_t last_panel,
          float* c, int64_t c_stride, const Epilogue& epilogue);

// Rows that calls of the micro-kernels take; tiles of a multiple of it waste nothing.
extern const int kTileRows;

// How many of the `left` panels are best multiplied next, all at once.
int64_t gemm_panels(int64_t left);

}  // namespace lmspt::LMSPT_ISA
