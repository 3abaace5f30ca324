#include "gemm/gemm_cpu.h"

#include "device/cpu/simd.h"

namespace lmspt::LMSPT_ISA {

// Rows that fit in the registers beside so many panels of 16 columns: enough independent sums to hide the latency of a
// multiply-add, few enough loads for each.
#if defined(__AVX512F__)
constexpr int kPanels = 4;
constexpr int kRows[kPanels + 1] = {0, 12, 12, 8, 6};
const int kTileRows = 24;
#elif defined(__AVX2__)
constexpr int kPanels = 1;
constexpr int kRows[kPanels + 1] = {0, 6};
const int kTileRows = 6;
#else
constexpr int kPanels = 1;
constexpr int kRows[kPanels + 1] = {0, 3};
const int kTileRows = 3;
#endif

constexpr int kAhead = 48;  // rows of a panel between what is read and what is fetched meanwhile

int64_t gemm_panels(int64_t left) {
  if (kPanels == 1 || left < 2) return 1;
  const int64_t rest = left % 3;
  return rest == 0 ? 3 : rest == 1 ? 4 : 2;
}

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
  // Every third row has a pointer of its own; the two after it are within reach of the addressing modes.
  constexpr int kPointers = (ROWS + 2) / 3;
  for (int64_t run = 0; run < a.runs; ++run) {
    const float* row[kPointers];
#pragma GCC unroll 8
    for (int i = 0; i < kPointers; ++i) {
      row[i] = a.data + (tile.row + 3 * i) * a.row_stride + run * a.run_stride;
    }
    for (int64_t k = 0; k < a.run_length; ++k) {
      Vec column[PANELS];
#pragma GCC unroll 8
      for (int p = 0; p < PANELS; ++p) {
        column[p] = Vec::load(b[p]);
        __builtin_prefetch(b[p] + kAhead * kPanelWidth);  // weights of deep layers come from memory, page by page
        b[p] += b_step;
      }
#pragma GCC unroll 32
      for (int m = 0; m < ROWS; ++m) {
        const Vec value = broadcast(row[m / 3][m % 3 * a.row_stride]);
#pragma GCC unroll 8
        for (int p = 0; p < PANELS; ++p) sums[m][p] = fma(value, column[p], sums[m][p]);
      }
#pragma GCC unroll 8
      for (int i = 0; i < kPointers; ++i) row[i] += a.element_stride;
    }
  }
#pragma GCC unroll 32
  for (int m = 0; m < ROWS; ++m) {
#pragma GCC unroll 8
    for (int p = 0; p < PANELS; ++p) finish(tile, tile.row + m, (tile.panel + p) * kPanelWidth, sums[m][p]);
  }
}

template <int ROWS, int PANELS>
void next_rows(const Tile& tile, int64_t rows) {
  if constexpr (ROWS > 0) {
    if (rows == ROWS) return tile_product<ROWS, PANELS>(tile);
    next_rows<ROWS - 1, PANELS>(tile, rows);
  }
}

// In as few calls as the registers allow, of rows as equal as can be: a call of few rows waits for its panels.
template <int PANELS>
void tile_rows(Tile& tile, int64_t rows) {
  constexpr int kMost = kRows[PANELS];
  tile.row = 0;
  for (int64_t calls = (rows + kMost - 1) / kMost; calls > 0; --calls) {
    const int64_t next = (rows - tile.row + calls - 1) / calls;
    next_rows<kMost, PANELS>(tile, next);
    tile.row += next;
  }
}

template <int PANELS>
void tile_panels(Tile& tile, int64_t rows, int64_t panels) {
  if constexpr (PANELS > 0) {
    if (panels == PANELS) return tile_rows<PANELS>(tile, rows);
    tile_panels<PANELS - 1>(tile, rows, panels);
  }
}

}  // namespace

void gemm(const Rows& a, int64_t rows, const Columns& b, int64_t columns, int64_t first_panel, int64_t last_panel,
          float* c, int64_t c_stride, const Epilogue& epilogue) {
  Tile tile{a, b, epilogue, 0, first_panel, columns, c, c_stride};
  while (tile.panel < last_panel) {
    const int64_t panels = gemm_panels(last_panel - tile.panel);
    tile_panels<kPanels>(tile, rows, panels);
    tile.panel += panels;
  }
}

}  // namespace lmspt::LMSPT_ISA
