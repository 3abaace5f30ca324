#include "gemm/gemm_cpu.h"

#include "device/cpu/simd.h"

namespace lmspt::LMSPT_ISA {

// Accumulators that fit in the registers: kTileRows x kTilePanels of 16 floats.
#if defined(__AVX512F__)
constexpr int kRows = 8, kPanels = 3;
#elif defined(__AVX2__)
constexpr int kRows = 6, kPanels = 1;
#else
constexpr int kRows = 3, kPanels = 1;
#endif
const int kTileRows = kRows;

namespace {

struct Tile {
  const Rows& a;
  const Columns& b;
  const Epilogue& epilogue;
  int64_t row;    // first row
  int64_t panel;  // first panel
  int64_t columns;
  float* c;
  int64_t c_stride;
};

LMSPT_INLINE void finish(const Tile& tile, int64_t row, int64_t column, Vec value) {
  float* c = tile.c + row * tile.c_stride + column;
  const int64_t left = tile.columns - column;
  const float* residual = tile.epilogue.residual;
  if (residual) residual += row * tile.epilogue.residual_stride + column;
  if (left >= kLanes) {
    if (tile.epilogue.accumulate) value = Vec::load(c) + value;
    if (tile.epilogue.bias) value = value + Vec::load(tile.epilogue.bias + column);
    if (residual) value = value + Vec::load(residual);
    value.store(c);
  } else {
    const int n = static_cast<int>(left);
    if (tile.epilogue.accumulate) value = load_part(c, n) + value;
    if (tile.epilogue.bias) value = value + load_part(tile.epilogue.bias + column, n);
    if (residual) value = value + load_part(residual, n);
    store_part(value, c, n);
  }
}

template <int ROWS, int PANELS>
void tile_product(const Tile& tile) {
  Vec sums[ROWS][PANELS];
#pragma GCC unroll 32
  for (int m = 0; m < ROWS; ++m) {
#pragma GCC unroll 8
    for (int p = 0; p < PANELS; ++p) sums[m][p] = broadcast(0);
  }
  const Rows& a = tile.a;
  const int64_t b_step = tile.b.row_stride;
  const float* b[PANELS];
  for (int p = 0; p < PANELS; ++p) b[p] = tile.b.data + (tile.panel + p) * tile.b.panel_stride;
  for (int64_t run = 0; run < a.runs; ++run) {
    const float* row = a.data + tile.row * a.row_stride + run * a.run_stride;
    for (int64_t k = 0; k < a.run_length; ++k, row += a.element_stride) {
      Vec column[PANELS];
#pragma GCC unroll 8
      for (int p = 0; p < PANELS; ++p) {
        column[p] = Vec::load(b[p]);
        b[p] += b_step;
      }
#pragma GCC unroll 32
      for (int m = 0; m < ROWS; ++m) {
        const Vec value = broadcast(row[m * a.row_stride]);
#pragma GCC unroll 8
        for (int p = 0; p < PANELS; ++p) sums[m][p] = fma(value, column[p], sums[m][p]);
      }
    }
  }
#pragma GCC unroll 32
  for (int m = 0; m < ROWS; ++m) {
#pragma GCC unroll 8
    for (int p = 0; p < PANELS; ++p) finish(tile, tile.row + m, (tile.panel + p) * kPanelWidth, sums[m][p]);
  }
}

template <int PANELS>
void tile_rows(Tile& tile, int64_t rows) {
  for (tile.row = 0; tile.row + kRows <= rows; tile.row += kRows) tile_product<kRows, PANELS>(tile);
  for (; tile.row < rows; ++tile.row) tile_product<1, PANELS>(tile);
}

}  // namespace

void gemm(const Rows& a, int64_t rows, const Columns& b, int64_t columns, int64_t first_panel, int64_t last_panel,
          float* c, int64_t c_stride, const Epilogue& epilogue) {
  Tile tile{a, b, epilogue, 0, first_panel, columns, c, c_stride};
  for (; tile.panel + kPanels <= last_panel; tile.panel += kPanels) tile_rows<kPanels>(tile, rows);
  for (; tile.panel < last_panel; ++tile.panel) tile_rows<1>(tile, rows);
}

}  // namespace lmspt::LMSPT_ISA
